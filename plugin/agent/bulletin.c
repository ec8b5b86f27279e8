/* SPDX-License-Identifier: MIT */
#include "agent/bulletin.h"

#include "cloud/advice.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bulletin {
  const struct directory *directory;
  const struct stats *stats;
  struct ledger_agent agent;
  struct ledger_endpoint *endpoints; /* by endpoint.index */
  int64_t put_ms;                    /* when it was put last */
  bool is_stale;                     /* something has changed since */
  bool is_urgent;
};

/* ---- life ---- */

struct bulletin *bulletin_new(const struct options *options,
                              const struct stats *stats, struct moment now) {
  size_t count = directory_endpoint_count(options->directory);
  struct bulletin *b = calloc(1, sizeof *b);
  if (b == NULL)
    return NULL;
  b->directory = options->directory;
  b->stats = stats;
  b->agent = (struct ledger_agent){
      .version = ONENET_VERSION, .pid = getpid(), .started_ms = now.ms};
  b->is_urgent = true;
  b->endpoints = calloc(count + 1, sizeof *b->endpoints);
  if (b->endpoints != NULL)
    return b;
  bulletin_free(b);
  return NULL;
}

void bulletin_free(struct bulletin *b) {
  if (b == NULL)
    return;
  free(b->endpoints);
  free(b);
}

/* ---- taking note ---- */

/* Keeps the words of an attempt that failed; a text that is too long is cut. */
static void note_attempt(struct bulletin *b, const struct command *c,
                         struct moment now) {
  const struct endpoint *endpoint = c->device->endpoint;
  const struct verdict *v = command_verdict(c);
  struct ledger_endpoint *e = &b->endpoints[endpoint->index];
  struct buf line;
  if (v->cause[0] == '\0')
    return;
  buf_init(&line, LEDGER_LAST_ERROR_BYTES);
  advice_append_cause(&line, v, endpoint);
  snprintf(e->last_error, sizeof e->last_error, "%s", buf_text(&line));
  e->last_error_ms = now.ms;
  buf_free(&line);
}

static void note_changes(struct bulletin *b, const struct journal *journal,
                         struct moment now) {
  for (struct change *change = journal->first; change != NULL;
       change = change->next) {
    const struct command *c = journal_command(change);
    if (c != NULL && c->has_ended_attempt)
      note_attempt(b, c, now);
    b->is_stale = true;
  }
}

static void note_circuits(struct bulletin *b, const struct lanes *lanes) {
  for (size_t i = 0; i < directory_endpoint_count(b->directory); i++) {
    bool is_open =
        lanes_circuit_is_open(lanes, directory_endpoint(b->directory, i));
    b->is_urgent = b->is_urgent || is_open != b->endpoints[i].is_open;
    b->endpoints[i].is_open = is_open;
  }
}

void bulletin_note(struct bulletin *b, const struct journal *journal,
                   const struct lanes *lanes, size_t inbox, struct moment now) {
  b->agent.inbox = inbox;
  note_changes(b, journal, now);
  note_circuits(b, lanes);
}

/* ---- putting ---- */

bool bulletin_is_due(const struct bulletin *b, struct moment now) {
  return b->is_urgent ||
         (b->is_stale && now.ms - b->put_ms >= BULLETIN_PERIOD_MS);
}

static void add_agent(struct bulletin *b, const struct lanes *lanes,
                      struct ledger_batch *batch, struct moment now) {
  struct stats_agent stats;
  stats_read_agent(b->stats, &stats);
  b->agent.ledger_errors = stats.ledger_errors;
  b->agent.waiting = lanes_waiting(lanes);
  ledger_batch_add_agent(batch, &b->agent, now);
}

static void add_endpoint(struct bulletin *b, const struct endpoint *endpoint,
                         const struct lanes *lanes, struct ledger_batch *batch,
                         struct moment now) {
  struct ledger_endpoint *e = &b->endpoints[endpoint->index];
  struct stats_endpoint stats;
  stats_read_endpoint(b->stats, endpoint, &stats);
  e->endpoint = endpoint;
  e->in_flight = lanes_in_flight(lanes, endpoint);
  e->waiting = lanes_waiting_at(lanes, endpoint);
  e->requests = stats.requests;
  ledger_batch_add_endpoint(batch, e, now);
}

void bulletin_add(struct bulletin *b, const struct lanes *lanes,
                  struct ledger_batch *batch, struct moment now) {
  add_agent(b, lanes, batch, now);
  for (size_t i = 0; i < directory_endpoint_count(b->directory); i++)
    add_endpoint(b, directory_endpoint(b->directory, i), lanes, batch, now);
  b->put_ms = now.ms;
  b->is_stale = b->is_urgent = false;
}
