/* SPDX-License-Identifier: MIT */
#include "agent/metric.h"

#include "collectd/core/daemon/utils_cache.h"
#include "collectd/core/utils/common/common.h"

void metric_send(struct metric metric, value_t value, cdtime_t time,
                 meta_data_t *meta) {
  value_list_t vl = VALUE_LIST_INIT;
  vl.values = &value;
  vl.values_len = 1;
  vl.time = time;
  vl.meta = meta;
  sstrncpy(vl.plugin, METRIC_PLUGIN, sizeof vl.plugin);
  sstrncpy(vl.plugin_instance, metric.instance, sizeof vl.plugin_instance);
  sstrncpy(vl.type, metric.type, sizeof vl.type);
  sstrncpy(vl.type_instance, metric.type_instance, sizeof vl.type_instance);
  plugin_dispatch_values(&vl);
}

void metric_send_derive(const char *instance, const char *type,
                        const char *type_instance, uint64_t value) {
  metric_send((struct metric){instance, type, type_instance},
              (value_t){.derive = (derive_t)value}, cdtime(), NULL);
}

void metric_send_gauge(const char *instance, const char *type,
                       const char *type_instance, double value) {
  metric_send((struct metric){instance, type, type_instance},
              (value_t){.gauge = value}, cdtime(), NULL);
}

bool metric_find_last(struct metric metric, value_t *ret_value) {
  char name[6 * DATA_MAX_NAME_LEN];
  value_t *values = NULL;
  size_t count = 0;
  snprintf(name, sizeof name, "%s/" METRIC_PLUGIN "-%s/%s-%s", hostname_g,
           metric.instance, metric.type, metric.type_instance);
  bool is_there = uc_get_value_by_name(name, &values, &count) == 0 && count > 0;
  if (is_there)
    *ret_value = values[0];
  free(values);
  return is_there;
}
