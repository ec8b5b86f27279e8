/* SPDX-License-Identifier: MIT
 *
 * orders owns the way of an operator's orders to lanes: it finds out what their
 * names stand for, refuses what can not be meant, and owns the policies of
 * commands that are sent by hand: one for each Content-Type and service, kept
 * for life, since commands and slots point to them.
 *
 * The main thread calls orders_new and orders_free, the I/O thread orders_obey;
 * any thread may call orders_find_policy.
 */
#ifndef ONENET_ORDERS_H
#define ONENET_ORDERS_H

#include "config/options.h"
#include "delivery/lanes.h"
#include "words/journal.h"
#include "words/order.h"

/* More policies than these are not made: orders that would need one are
 * refused. */
#define ORDERS_POLICIES_MAX 1000

struct orders;

/* Returns orders that the caller owns; the options are borrowed until
 * orders_free. NULL without memory. */
struct orders *orders_new(const struct options *options);
/* Frees the policies, too; NULL is allowed. */
void orders_free(struct orders *o);

/* Returns the policy of that rule: one of the configuration; or for ORDER_RULE
 * the one with that Content-Type and service ("": none), which is made if there
 * is none yet. Borrowed until orders_free. NULL: there is no such rule; or
 * there are too many policies, or there is no memory. */
const struct policy *orders_find_policy(struct orders *o, const char *rule,
                                        const char *content_type,
                                        const char *service);

/* Takes a list of orders. Gives each to lanes with what it names, or refuses
 * it. The journal, that of the lanes, has all of them then. */
void orders_obey(struct orders *o, struct order *list, struct lanes *lanes,
                 struct journal *journal, struct moment now);

#endif
