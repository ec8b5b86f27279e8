/* SPDX-License-Identifier: MIT
 *
 * sqlite_wal owns the check of a -wal that a crash has left behind. SQLite
 * recovers its frames up to the first damaged one, without telling of those
 * behind it; nor can integrity_check see what is not there. Private to
 * sqlite_file, for a file that this process does not have open.
 *
 * The formats: https://sqlite.org/fileformat2.html#walformat and
 * https://sqlite.org/walformat.html for the -shm, which knows how many frames
 * were committed. A crash may leave a torn tail, which is no damage: frames of
 * a turn that was never committed.
 */
#ifndef ONENET_SQLITE_WAL_H
#define ONENET_SQLITE_WAL_H

#include <stdint.h>
#include <sys/types.h>

#define SQLITE_WAL_SALT_BYTES 8

struct sqlite_wal_frames {
  uint32_t recovered; /* up to the last commit that SQLite will find */
  uint32_t lost; /* of commits behind them; 0: there is a torn tail at most. An
                    estimate where the header is damaged. Where the -shm was
                    lost, a commit that was cut off while it was written may
                    count, since it can not be told from one that is damaged */
  ino_t inode;   /* of the -wal, and its salt: with both the same it is the same
                    -wal, which was not begun anew; 0 if there is none */
  unsigned char salt[SQLITE_WAL_SALT_BYTES];
};

/* Looks at both files, either of which may be missing. Returns 0, or a negative
 * errno if they can not be read. */
int sqlite_wal_look(const char *wal_path, const char *shm_path,
                    struct sqlite_wal_frames *ret_frames);

#endif
