/* SPDX-License-Identifier: MIT */
#include "ledger_words.h"

#include "base/systime.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

void open_fresh(struct fixture *f) {
  assert_int_equal(fixture_open(f, FIXTURE_NOW), 0);
  assert_false(f->was_set_aside);
  assert_string_equal(ledger_error(f->ledger), "");
}

void put_finished(struct fixture *f, int64_t id, enum outcome outcome,
                  struct moment at) {
  struct command *c = fixture_command(f, id);
  fixture_finish(c, outcome, at);
  fixture_put(f, c, at);
}

void put_body(struct fixture *f, int64_t id, const char *bytes, size_t size) {
  struct command *c = fixture_command(f, id);
  body_unref(c->body);
  c->body = body_new(bytes, size);
  assert_non_null(c->body);
  fixture_put(f, c, FIXTURE_NOW);
}

void put_slot(struct fixture *f, struct slot *s) {
  assert_int_equal(ledger_begin(f->ledger, FIXTURE_NOW), 0);
  fixture_put_change(f, &s->change, FIXTURE_NOW);
  for (int severity = 0; severity < SEVERITY_COUNT; severity++)
    for (struct series *one = s->newest[severity]; one; one = one->older)
      fixture_put_change(f, &one->change, FIXTURE_NOW);
  assert_int_equal(ledger_commit(f->ledger), 0);
}

void forget_clean_end(const struct fixture *f) {
  assert_string_equal(fixture_sql(f, "DELETE FROM clean_end RETURNING 1"), "1");
  fixture_sql(f, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static int count_threads(void) {
  DIR *threads = opendir("/proc/self/task");
  int count = 0;
  assert_non_null(threads);
  for (const struct dirent *entry; (entry = readdir(threads)) != NULL;)
    count += entry->d_name[0] != '.';
  closedir(threads);
  return count;
}

void wait_for_look(void) {
  int64_t end_ms = systime_monotonic_ms() + PATIENCE_MS;
  while (count_threads() > 1 && systime_monotonic_ms() < end_ms)
    usleep(1000);
  assert_int_equal(count_threads(), 1);
}

bool finds_damage(struct fixture *f) {
  wait_for_look();
  int status = ledger_begin(f->ledger, FIXTURE_NOW);
  if (status == 0)
    assert_int_equal(ledger_commit(f->ledger), 0);
  else
    assert_int_equal(status, -EILSEQ);
  return status < 0;
}
