/* SPDX-License-Identifier: MIT
 *
 * order owns what an operator asks for by hand, as plain data: to send a body
 * to a device, to send a command of the history again, to cancel what waits, or
 * to silence a rule or a device for a while. It decides nothing: `lanes` does.
 *
 * onenetctl writes an order as a row into the ledger's table `orders`; the
 * recorder's thread reads it and hands it to the I/O thread, which obeys it or
 * says why not. The row is kept as history: who, when, what came of it.
 */
#ifndef ONENET_ORDER_H
#define ONENET_ORDER_H

#include "words/change.h"
#include "words/command.h"
#include "words/device.h"

#include <stdbool.h>
#include <stdint.h>

/* The name of the rule that commands sent by hand bear. No rule may have it. */
#define ORDER_RULE "onenetctl"

#define ORDER_EXPIRE_DEFAULT (-1) /* no --expire was given */
#define ORDER_WHY_BYTES 160
#define ORDER_BY_BYTES 48

enum order_verb { ORDER_SEND, ORDER_RETRY, ORDER_CANCEL, ORDER_SILENCE };

/* Returns "send", "retry", "cancel" or "silence": the word in the ledger and on
 * the command line. */
const char *order_verb_name(enum order_verb verb);

/* Writes the verb of that name to ret_verb. Returns 0 or -EINVAL. */
int order_verb_parse(const char *name, enum order_verb *ret_verb);

/* The states of an order: given and not looked at yet; done; or refused, and
 * then `why` says why. */
enum order_state { ORDER_GIVEN, ORDER_OBEYED, ORDER_REFUSED };

/* Return "given", "obeyed" or "refused", and the state of that name. */
const char *order_state_name(enum order_state state);
int order_state_parse(const char *name, enum order_state *ret_state);

struct order {
  struct change change;
  struct order *next; /* of a list on its way to the I/O thread */
  int64_t id;         /* of its row */
  enum order_verb verb;
  int64_t wall_given_ms;
  int64_t uid;        /* of the user who gave it */
  char *device_name;  /* NULL: none */
  char *rule_name;    /* NULL: none */
  int64_t command_id; /* of `retry` and `cancel`; 0: none */
  struct body *body;  /* of `send`: the bytes to be sent; of `retry`: those of
                         the command in the history, NULL if it is not there */
  char *content_type; /* of `send` and `retry`; NULL: none */
  char *service;      /* of `send` where the interface takes one; NULL: none */
  int expire_s;       /* of `send`; 0: never; ORDER_EXPIRE_DEFAULT */
  bool is_forced;     /* of `retry`: also a command that may have been executed
                         already */
  int64_t wall_until_ms; /* of `silence`: its end; past: it ends now */
  char *comment;         /* NULL: none */
  enum outcome was;      /* of `retry`: how the command in the history ended;
                            OUTCOME_COUNT: it is not there, or pending */
  char *series;          /* of `retry`, as the next three: the series of the
                            command in the history; NULL: it is not there */
  enum severity severity;
  bool has_value;
  double value;

  /* What the names stand for, once the I/O thread has looked them up; borrowed;
   * NULL: none, or no such thing. */
  const struct device *device;
  const struct policy *policy;

  enum order_state state;
  struct moment ended;       /* when it was obeyed or refused */
  char why[ORDER_WHY_BYTES]; /* one line for people: why it was refused; or what
                                is to be said of one that was obeyed, else "" */
  int64_t result_id; /* of `send` and `retry`: the command made; 0: none */
  uint64_t count;    /* of `cancel` and `silence`: the commands cancelled */
  char by[ORDER_BY_BYTES]; /* kept by lanes: the reason that the commands have
                              which it ends, such as "by order 7" */
};

/* Returns whether commands of the policy are those that are sent by hand. */
bool order_sends_by(const struct policy *policy);

/* Returns an order that is all zero but for the change, expire_s and `was`,
 * which the caller owns and fills in; NULL without memory. Any thread. */
struct order *order_new(void);

/* Frees an order with all that it points to; NULL is allowed. */
void order_free(struct order *o);
/* Frees an order and all that follow it; NULL is allowed. */
void order_free_list(struct order *list);

/* Notes that the order was obeyed, or refused for that reason, in words, of
 * which `why` keeps one line as far as it goes. */
void order_obey(struct order *o, struct moment now);
void order_refuse(struct order *o, struct moment now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
