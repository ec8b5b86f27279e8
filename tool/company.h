/* SPDX-License-Identifier: MIT
 *
 * company owns what is known of the other plugins of collectd: which of them
 * send notifications, and whose events bear another name than their own. It
 * judges whether the rules of a configuration can ever have something to do.
 * All of it is a guess by names: what it says are possibilities.
 */
#ifndef ONENET_COMPANY_H
#define ONENET_COMPANY_H

#include "liboconfig/oconfig.h"

/* Receives one warning about an item. */
typedef void company_warn_fn(void *context, const oconfig_item_t *item,
                             const char *text);

/* Calls warn for the rules of the <Plugin onenet> block that no loaded plugin
 * can match, and for the first one that waits for notifications if no loaded
 * plugin sends any. */
void company_check(const oconfig_item_t *root, const oconfig_item_t *block,
                   company_warn_fn *warn, void *context);

#endif
