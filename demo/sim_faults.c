/* SPDX-License-Identifier: MIT */
#include "sim_faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sim_faults_init(struct sim_faults *faults) {
  TAILQ_INIT(&faults->list);
  faults->applied = 0;
}

void sim_faults_add(struct sim_faults *faults, struct sim_fault *fault) {
  TAILQ_INSERT_TAIL(&faults->list, fault, link);
}

void sim_fault_free(struct sim_fault *fault) {
  free(fault->device_id);
  sim_pairs_free(&fault->headers);
  sim_buf_free(&fault->body);
  free(fault);
}

/* A fault that is used up stays until the next look at the list, because the
 * last call that suffers it still borrows it. */
static void drop_used_up(struct sim_faults *faults) {
  struct sim_fault *fault = TAILQ_FIRST(&faults->list);
  while (fault != NULL) {
    struct sim_fault *next = TAILQ_NEXT(fault, link);
    if (fault->count == 0) {
      TAILQ_REMOVE(&faults->list, fault, link);
      sim_fault_free(fault);
    }
    fault = next;
  }
}

static bool fits(const struct sim_fault *fault, const char *device_id) {
  return fault->device_id == NULL ||
         (device_id != NULL && strcmp(fault->device_id, device_id) == 0);
}

const struct sim_fault *sim_faults_take(struct sim_faults *faults,
                                        const char *device_id) {
  struct sim_fault *fault;
  drop_used_up(faults);
  for (fault = TAILQ_FIRST(&faults->list); fault != NULL;
       fault = TAILQ_NEXT(fault, link)) {
    if (!fits(fault, device_id))
      continue;
    if (fault->count > 0)
      fault->count--;
    faults->applied++;
    return fault;
  }
  return NULL;
}

static bool has_answer(const struct sim_fault *fault) {
  return fault->status != 0 || fault->body.length > 0;
}

bool sim_fault_executes(const struct sim_fault *fault) {
  if (fault->execute || fault->close == SIM_CLOSE_AFTER)
    return true;
  return !has_answer(fault) && !fault->hang && fault->close == SIM_CLOSE_NOT;
}

void sim_fault_apply(const struct sim_fault *fault, struct sim_reply *reply) {
  if (has_answer(fault)) {
    reply->status = fault->status == 0 ? 200 : fault->status;
    sim_buf_clear(&reply->body);
    sim_buf_add_bytes(&reply->body, sim_buf_text(&fault->body),
                      fault->body.length);
  }
  for (size_t i = 0; i < fault->headers.count; i++)
    sim_pairs_add(&reply->headers, fault->headers.items[i].name,
                  fault->headers.items[i].value);
  if (fault->delay_ms > 0)
    reply->delay_ms = fault->delay_ms;
  if (fault->hang)
    reply->ending = SIM_ENDING_HANG;
  else if (fault->close != SIM_CLOSE_NOT)
    reply->ending = SIM_ENDING_CLOSE;
}

static void add_fault_json(const struct sim_fault *fault, struct sim_buf *buf) {
  static const char *const closings[] = {"null", "\"before\"", "\"after\""};
  sim_buf_addf(buf, "{\"count\":%" PRId64 ",\"device_id\":", fault->count);
  sim_buf_add_json(buf, fault->device_id);
  if (fault->status == 0)
    sim_buf_add(buf, ",\"status\":null,\"headers\":");
  else
    sim_buf_addf(buf, ",\"status\":%u,\"headers\":", fault->status);
  sim_pairs_add_json(&fault->headers, buf);
  sim_buf_add(buf, ",\"body\":");
  sim_buf_add_json_bytes(buf, sim_buf_text(&fault->body), fault->body.length);
  sim_buf_addf(buf,
               ",\"delay_ms\":%" PRId64 ",\"close\":%s,\"execute\":%s,"
               "\"hang\":%s}",
               fault->delay_ms, closings[fault->close],
               fault->execute ? "true" : "false",
               fault->hang ? "true" : "false");
}

void sim_faults_add_json(struct sim_faults *faults, struct sim_buf *buf) {
  const char *before = "[";
  const struct sim_fault *fault;
  drop_used_up(faults);
  for (fault = TAILQ_FIRST(&faults->list); fault != NULL;
       fault = TAILQ_NEXT(fault, link)) {
    sim_buf_add(buf, before);
    add_fault_json(fault, buf);
    before = ",\n";
  }
  sim_buf_add(buf, before[0] == '[' ? "[]" : "]");
}

void sim_faults_clear(struct sim_faults *faults) {
  struct sim_fault *fault;
  while ((fault = TAILQ_FIRST(&faults->list)) != NULL) {
    TAILQ_REMOVE(&faults->list, fault, link);
    sim_fault_free(fault);
  }
}
