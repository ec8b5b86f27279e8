/* SPDX-License-Identifier: MIT */
#include "sim_execlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

struct record {
  TAILQ_ENTRY(record) link;
  struct sim_message *message;
  int64_t wall_ms;
};

TAILQ_HEAD(record_list, record);

struct sim_execlog {
  struct record_list records;
  size_t count;
  size_t keep;
  uint64_t total;
  int fd; /* -1: no file */
};

struct sim_message *sim_message_hold(struct sim_message *message) {
  message->references++;
  return message;
}

void sim_message_drop(struct sim_message *message) {
  if (--message->references > 0)
    return;
  free(message->device_id);
  free(message->content_type);
  sim_buf_free(&message->body);
  free(message);
}

int sim_execlog_new(size_t keep, const char *path,
                    struct sim_execlog **ret_log) {
  int fd = -1;
  if (path != NULL) {
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
      return -errno;
  }
  struct sim_execlog *log = sim_buf_alloc(1, sizeof(*log));
  TAILQ_INIT(&log->records);
  log->keep = keep;
  log->fd = fd;
  *ret_log = log;
  return 0;
}

static void add_record_json(const struct record *record, struct sim_buf *buf) {
  const struct sim_message *message = record->message;
  sim_buf_addf(buf, "{\"uuid\":\"%s\",\"device_id\":", message->uuid);
  sim_buf_add_json(buf, message->device_id);
  sim_buf_addf(buf,
               ",\"at\":%" PRId64 ".%03d,\"body\":", record->wall_ms / 1000,
               (int)(record->wall_ms % 1000));
  sim_buf_add_json_bytes(buf, sim_buf_text(&message->body),
                         message->body.length);
  sim_buf_add(buf, ",\"body_base64\":\"");
  sim_buf_add_base64(buf, sim_buf_text(&message->body), message->body.length);
  sim_buf_add(buf, "\",\"content_type\":");
  sim_buf_add_json(buf, message->content_type);
  sim_buf_addf(buf, ",\"qos\":%d,\"timeout\":%" PRId64 "}", message->qos,
               message->timeout_s);
}

static void write_record(int fd, const struct record *record) {
  struct sim_buf line = {0};
  add_record_json(record, &line);
  sim_buf_add(&line, "\n");
  ssize_t written;
  do
    written = write(fd, line.data, line.length);
  while (written < 0 && errno == EINTR);
  if (written < 0)
    sim_buf_die("cannot write the execution log: %s", strerror(errno));
  if ((size_t)written != line.length)
    sim_buf_die("cannot write the execution log: it took %zd of %zu bytes",
                written, line.length);
  sim_buf_free(&line);
}

static void drop_oldest(struct sim_execlog *log) {
  struct record *record = TAILQ_FIRST(&log->records);
  TAILQ_REMOVE(&log->records, record, link);
  log->count--;
  sim_message_drop(record->message);
  free(record);
}

void sim_execlog_record(struct sim_execlog *log, struct sim_message *message,
                        int64_t wall_ms) {
  struct record *record = sim_buf_alloc(1, sizeof(*record));
  record->message = sim_message_hold(message);
  record->wall_ms = wall_ms;
  if (log->fd >= 0)
    write_record(log->fd, record);
  TAILQ_INSERT_TAIL(&log->records, record, link);
  log->total++;
  if (++log->count > log->keep)
    drop_oldest(log);
}

void sim_execlog_add_json(const struct sim_execlog *log, const char *device_id,
                          struct sim_buf *buf) {
  const char *before = "[";
  const struct record *record;
  for (record = TAILQ_FIRST(&log->records); record != NULL;
       record = TAILQ_NEXT(record, link)) {
    if (device_id != NULL && strcmp(record->message->device_id, device_id) != 0)
      continue;
    sim_buf_add(buf, before);
    add_record_json(record, buf);
    before = ",\n";
  }
  sim_buf_add(buf, before[0] == '[' ? "[]" : "]");
}

void sim_execlog_clear(struct sim_execlog *log) {
  while (log->count > 0)
    drop_oldest(log);
}

uint64_t sim_execlog_total(const struct sim_execlog *log) { return log->total; }

void sim_execlog_free(struct sim_execlog *log) {
  if (log == NULL)
    return;
  sim_execlog_clear(log);
  if (log->fd >= 0)
    close(log->fd);
  free(log);
}
