/* SPDX-License-Identifier: MIT */
#include "failing_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct failing_file {
  sqlite3_file base;
  sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static int operations, fail_after, fail_code;
static sqlite3_int64 bad_from;          /* 0: no read fails */
static _Atomic sqlite3_int64 hung_from; /* 0: no read hangs */

static atomic_int calls, failed_calls, fail_call; /* 0: no call fails */
static atomic_bool only_one_call;

/* Returns that code if this call of any kind is to fail. */
static int next_call(int code) {
  int number = ++calls;
  bool fails = fail_call > 0 &&
               (only_one_call ? number == fail_call : number >= fail_call);
  failed_calls += fails;
  return fails ? code : SQLITE_OK;
}

/* Such a call is one that writes as well. */
static int next_operation(int code) {
  operations++;
  if (fail_after > 0 && operations >= fail_after)
    return fail_code;
  return next_call(code);
}

static sqlite3_file *real_of(sqlite3_file *file) {
  return ((struct failing_file *)file)->real;
}

static int close_file(sqlite3_file *file) {
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int read_file(sqlite3_file *file, void *data, int size,
                     sqlite3_int64 offset) {
  if (bad_from > 0 && offset >= bad_from)
    return SQLITE_IOERR_READ;
  while (hung_from > 0 && offset >= hung_from)
    usleep(1000);
  if (next_call(SQLITE_IOERR_READ) != SQLITE_OK)
    return SQLITE_IOERR_READ;
  return real_of(file)->pMethods->xRead(real_of(file), data, size, offset);
}

static int write_file(sqlite3_file *file, const void *data, int size,
                      sqlite3_int64 offset) {
  int code = next_operation(SQLITE_IOERR_WRITE);
  if (code != SQLITE_OK)
    return code;
  return real_of(file)->pMethods->xWrite(real_of(file), data, size, offset);
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
  int code = next_operation(SQLITE_IOERR_TRUNCATE);
  if (code != SQLITE_OK)
    return code;
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int sync_file(sqlite3_file *file, int flags) {
  int code = next_operation(SQLITE_IOERR_FSYNC);
  if (code != SQLITE_OK)
    return code;
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size) {
  if (next_call(SQLITE_IOERR_FSTAT) != SQLITE_OK)
    return SQLITE_IOERR_FSTAT;
  return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int lock_file(sqlite3_file *file, int lock) {
  if (next_call(SQLITE_IOERR_LOCK) != SQLITE_OK)
    return SQLITE_IOERR_LOCK;
  return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int unlock_file(sqlite3_file *file, int lock) {
  return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int check_lock(sqlite3_file *file, int *ret_locked) {
  if (next_call(SQLITE_IOERR_CHECKRESERVEDLOCK) != SQLITE_OK)
    return SQLITE_IOERR_CHECKRESERVEDLOCK;
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_locked);
}

static int control_file(sqlite3_file *file, int operation, void *argument) {
  return real_of(file)->pMethods->xFileControl(real_of(file), operation,
                                               argument);
}

static int sector_size(sqlite3_file *file) {
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int characteristics(sqlite3_file *file) {
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend,
                   void volatile **ret_memory) {
  if (extend && next_operation(SQLITE_IOERR_SHMSIZE) != SQLITE_OK)
    return SQLITE_IOERR_SHMSIZE; /* SQLite expects no other one here */
  return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend,
                                          ret_memory);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags) {
  bool is_unlock = (flags & SQLITE_SHM_UNLOCK) != 0; /* is not asked for */
  if (!is_unlock && next_call(SQLITE_IOERR_SHMLOCK) != SQLITE_OK)
    return SQLITE_IOERR_SHMLOCK;
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file) {
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int delete_it) {
  return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = lock_file,
    .xUnlock = unlock_file,
    .xCheckReservedLock = check_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file,
                     int flags, int *ret_flags) {
  struct failing_file *failing = (struct failing_file *)file;
  (void)self;
  failing->real = (sqlite3_file *)(failing + 1);
  failing->base.pMethods = NULL;
  if (next_call(SQLITE_CANTOPEN) != SQLITE_OK)
    return SQLITE_CANTOPEN;
  int code = real_vfs->xOpen(real_vfs, name, failing->real, flags, ret_flags);
  failing->base.pMethods = failing->real->pMethods != NULL ? &methods : NULL;
  return code;
}

static int delete_file(sqlite3_vfs *self, const char *name, int syncs) {
  (void)self;
  if (next_call(SQLITE_IOERR_DELETE) != SQLITE_OK)
    return SQLITE_IOERR_DELETE;
  return real_vfs->xDelete(real_vfs, name, syncs);
}

static int look_for_file(sqlite3_vfs *self, const char *name, int flags,
                         int *ret_result) {
  (void)self;
  if (next_call(SQLITE_IOERR_ACCESS) != SQLITE_OK)
    return SQLITE_IOERR_ACCESS;
  return real_vfs->xAccess(real_vfs, name, flags, ret_result);
}

void failing_vfs_install(void) {
  real_vfs = sqlite3_vfs_find(NULL);
  vfs = *real_vfs;
  vfs.zName = "failing";
  vfs.szOsFile = (int)sizeof(struct failing_file) + real_vfs->szOsFile;
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = look_for_file;
  failing_vfs_fail(0, SQLITE_OK);
  failing_vfs_fail_call(0, false);
  failing_vfs_fail_reads(0);
  sqlite3_vfs_register(&vfs, 1);
}

void failing_vfs_remove(void) {
  sqlite3_vfs_unregister(&vfs);
  sqlite3_vfs_register(real_vfs, 1);
}

void failing_vfs_fail(int after, int code) {
  operations = 0;
  fail_after = after;
  fail_code = code;
}

void failing_vfs_fail_reads(long long from_offset) { bad_from = from_offset; }

void failing_vfs_hang_reads(long long from_offset) { hung_from = from_offset; }

int failing_vfs_count(void) { return operations; }

void failing_vfs_fail_call(int number, bool only_one) {
  calls = failed_calls = 0;
  only_one_call = only_one;
  fail_call = number;
}

int failing_vfs_failed(void) { return failed_calls; }
