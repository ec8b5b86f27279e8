/* SPDX-License-Identifier: MIT
 *
 * metric owns the way of one value into collectd, as a value list of plugin
 * `onenet`, with a type of collectd's own types.db; and the look at the last
 * value of a series, in collectd's cache. collectd queues what is sent. It
 * keeps no state: any thread but the I/O thread.
 */
#ifndef ONENET_METRIC_H
#define ONENET_METRIC_H

/* collectd's headers redefine PACKAGE_NAME and its like. */
#include "collectd/core/daemon/collectd.h"

#include "collectd/core/daemon/plugin.h"

#include <stdbool.h>
#include <stdint.h>

#define METRIC_PLUGIN "onenet"
#define METRIC_AGENT "agent" /* the instance of what is of no device */

/* Identity of the series of a value, without host and plugin. */
struct metric {
  const char *instance;
  const char *type;
  const char *type_instance;
};

/* Sends a value of that time. meta is borrowed; NULL: none. */
void metric_send(struct metric metric, value_t value, cdtime_t time,
                 meta_data_t *meta);

/* Send a value of now. */
void metric_send_derive(const char *instance, const char *type,
                        const char *type_instance, uint64_t value);
void metric_send_gauge(const char *instance, const char *type,
                       const char *type_instance, double value);

/* Finds the last value that collectd's cache has of the series, which must have
 * a type_instance. Returns whether there is one. */
bool metric_find_last(struct metric metric, value_t *ret_value);

#endif
