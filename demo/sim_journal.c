/* SPDX-License-Identifier: MIT */
#include "sim_journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of a body that no device would get, the beginning is enough. */
#define BODY_KEPT_MAX ((size_t)65536)

struct sim_journal_entry {
  TAILQ_ENTRY(sim_journal_entry) link;
  int64_t wall_ms;
  char *method;
  char *url;
  struct sim_pairs headers;
  struct sim_buf body;
  size_t body_bytes;
  unsigned status; /* 0: no answer */
  struct sim_buf answer;
  enum sim_ending ending;
  bool executed;
};

void sim_journal_init(struct sim_journal *journal, size_t keep) {
  *journal = (struct sim_journal){.keep = keep};
  TAILQ_INIT(&journal->entries);
}

static bool is_secret(const char *header) {
  return strcasecmp(header, "api-key") == 0 ||
         strcasecmp(header, "Authorization") == 0;
}

/* Leaves the last 4 characters of a longer value. */
static void mask(char *value) {
  const size_t length = strlen(value);
  memset(value, '*', length > 4 ? length - 4 : length);
}

static void copy_headers(const struct sim_pairs *from, struct sim_pairs *to) {
  for (size_t i = 0; i < from->count; i++) {
    sim_pairs_add(to, from->items[i].name, from->items[i].value);
    if (is_secret(from->items[i].name))
      mask(to->items[i].value);
  }
}

static void drop_oldest(struct sim_journal *journal) {
  struct sim_journal_entry *entry = TAILQ_FIRST(&journal->entries);
  TAILQ_REMOVE(&journal->entries, entry, link);
  journal->count--;
  free(entry->method);
  free(entry->url);
  sim_pairs_free(&entry->headers);
  sim_buf_free(&entry->body);
  sim_buf_free(&entry->answer);
  free(entry);
}

static void copy_reply(struct sim_journal_entry *entry,
                       const struct sim_reply *reply) {
  entry->ending = reply->ending;
  if (reply->ending != SIM_ENDING_ANSWER)
    return;
  entry->status = reply->status;
  sim_buf_add_bytes(&entry->answer, sim_buf_text(&reply->body),
                    reply->body.length);
}

void sim_journal_add(struct sim_journal *journal,
                     const struct sim_request *request,
                     const struct sim_reply *reply, bool executed,
                     int64_t wall_ms) {
  struct sim_journal_entry *entry = sim_buf_alloc(1, sizeof(*entry));
  const size_t length = request->body.length;
  entry->wall_ms = wall_ms;
  entry->method = sim_buf_copy(request->method);
  entry->url = sim_buf_copy(request->url);
  copy_headers(&request->headers, &entry->headers);
  sim_buf_add_bytes(&entry->body, sim_buf_text(&request->body),
                    length < BODY_KEPT_MAX ? length : BODY_KEPT_MAX);
  entry->body_bytes = request->body_bytes;
  copy_reply(entry, reply);
  entry->executed = executed;
  TAILQ_INSERT_TAIL(&journal->entries, entry, link);
  journal->total++;
  if (++journal->count > journal->keep)
    drop_oldest(journal);
}

static void add_answer_json(const struct sim_journal_entry *entry,
                            struct sim_buf *buf) {
  static const char *const endings[] = {"answered", "closed", "hanging"};
  sim_buf_addf(buf, ",\"ending\":\"%s\"", endings[entry->ending]);
  if (entry->ending != SIM_ENDING_ANSWER) {
    sim_buf_add(buf, ",\"status\":null,\"answer\":null");
    return;
  }
  sim_buf_addf(buf, ",\"status\":%u,\"answer\":", entry->status);
  sim_buf_add_json_bytes(buf, sim_buf_text(&entry->answer),
                         entry->answer.length);
}

static void add_entry_json(const struct sim_journal_entry *entry,
                           struct sim_buf *buf) {
  sim_buf_addf(buf,
               "{\"at\":%" PRId64 ".%03d,\"method\":", entry->wall_ms / 1000,
               (int)(entry->wall_ms % 1000));
  sim_buf_add_json(buf, entry->method);
  sim_buf_add(buf, ",\"url\":");
  sim_buf_add_json(buf, entry->url);
  sim_buf_add(buf, ",\"headers\":");
  sim_pairs_add_json(&entry->headers, buf);
  sim_buf_add(buf, ",\"body\":");
  sim_buf_add_json_bytes(buf, sim_buf_text(&entry->body), entry->body.length);
  sim_buf_add(buf, ",\"body_base64\":\"");
  sim_buf_add_base64(buf, sim_buf_text(&entry->body), entry->body.length);
  sim_buf_addf(buf, "\",\"body_bytes\":%zu", entry->body_bytes);
  add_answer_json(entry, buf);
  sim_buf_addf(buf, ",\"executed\":%s}", entry->executed ? "true" : "false");
}

void sim_journal_add_json(const struct sim_journal *journal,
                          struct sim_buf *buf) {
  const char *before = "[";
  const struct sim_journal_entry *entry;
  for (entry = TAILQ_FIRST(&journal->entries); entry != NULL;
       entry = TAILQ_NEXT(entry, link)) {
    sim_buf_add(buf, before);
    add_entry_json(entry, buf);
    before = ",\n";
  }
  sim_buf_add(buf, before[0] == '[' ? "[]" : "]");
}

void sim_journal_clear(struct sim_journal *journal) {
  while (journal->count > 0)
    drop_oldest(journal);
}
