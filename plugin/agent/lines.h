/* SPDX-License-Identifier: MIT
 *
 * lines owns the words of the log about commands, endpoints and devices, about
 * what is lost of the ledger, and about what a dry run would have done. It has
 * no state: any thread may call it.
 */
#ifndef ONENET_LINES_H
#define ONENET_LINES_H

#include "agent/troubles.h"
#include "cloud/request.h"
#include "config/options.h"
#include "ledger/ledger_loss.h"
#include "words/command.h"
#include "words/order.h"
#include "words/tracked.h"

#include <stdbool.h>
#include <stddef.h>

#define LINES_LOSS_BYTES 200

/* Writes one INFO line: the version, the ledger, the number of pending
 * commands, and the number of endpoints, devices and rules, with their names
 * where they are few. */
void lines_write_start(const struct options *o, bool is_dry, size_t pending);

/* Says how many commands can not be restored, in a text of at most
 * LINES_LOSS_BYTES. */
void lines_format_loss(char *text, size_t size, const struct ledger_loss *loss);

/* Writes that text as one ERROR. */
void lines_write_loss(const struct ledger_loss *loss);

/* Writes one INFO line for a finished command, with what the device replied,
 * and a WARNING, whose repeats are counted, if it needs attention. */
void lines_write_finished(const struct command *c);

/* Writes one INFO line for a command that Until asks for. */
void lines_write_taken_back(const struct command *c);

/* Writes one INFO line for an order that was obeyed or refused: who gave it,
 * what it asked for, what came of it. */
void lines_write_order(const struct order *o);

/* Writes one INFO line for so many fleeting commands. */
void lines_write_fleeting(uint64_t count);

/* Writes one INFO line for the last status of a tracked command, and a WARNING
 * unless its device has answered. */
void lines_write_end(const struct tracked *one);

/* Writes one line for a trouble (not TROUBLE_NONE) that begins with this
 * attempt for the command, after which the command goes on or is finished: the
 * cause, what to do, and when the next attempt is. The line is an ERROR for
 * credentials, else a WARNING. */
void lines_write_trouble(const struct command *c, const struct verdict *v,
                         enum verdict_trouble trouble, struct moment now);

/* Write one WARNING: the trouble of the endpoint or the device is over. */
void lines_write_endpoint_recovery(const struct endpoint *e);
void lines_write_device_recovery(const struct device *d);

/* Write one WARNING: the circuit of the endpoint has opened after the failure
 * `last`, and lets the next attempt through in next_ms; or it has closed, and
 * the endpoint works again. */
void lines_write_circuit_open(const struct endpoint *e,
                              const struct verdict *last, int64_t next_ms);
void lines_write_circuit_closed(const struct endpoint *e);

/* Writes the request that would have been sent. The values of all headers but
 * Content-Type are masked, since they may be secret. */
void lines_write_dry_request(const struct command *c, const struct request *r);

/* Writes that the command could not have been sent, and why. */
void lines_write_dry_failure(const struct command *c, const char *why);

/* Writes that the command waits: for its cooldown, a limit, or its turn. */
void lines_write_dry_wait(const struct command *c);

/* Writes that what an event of the rule says of the device waits for After. */
void lines_write_dry_after(const struct policy *policy,
                           const struct device *device);

/* Writes that an event of the rule for the device is ignored, and why. With
 * device NULL the line names neither. */
void lines_write_dry_ignored(const char *rule, const struct device *device,
                             const char *reason);

#endif
