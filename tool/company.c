/* SPDX-License-Identifier: MIT */
#include "company.h"

#include "conf_daemon.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_BYTES 512
#define SHOWN_MAX 80

/* Plugins that send notifications: for what they see, or for others. */
static const char *const senders[] = {"threshold",
                                      "target_notification",
                                      "check_uptime",
                                      "network",
                                      "unixsock",
                                      "exec",
                                      "python",
                                      "perl",
                                      "java",
                                      "lua",
                                      "amqp",
                                      "mqtt",
                                      "connectivity",
                                      "dcpmm",
                                      "dpdkevents",
                                      "ipmi",
                                      "logparser",
                                      "mcelog",
                                      "mdevents",
                                      "mysql",
                                      "netapp",
                                      "ovs_events",
                                      "pcie_errors",
                                      "procevent",
                                      "smart",
                                      "snmp_agent",
                                      "sysevent",
                                      "virt",
                                      NULL};

/* Plugins whose events bear names of any kind, or of the operator's choice. */
static const char *const strangers[] = {"network",
                                        "unixsock",
                                        "exec",
                                        "python",
                                        "perl",
                                        "java",
                                        "lua",
                                        "amqp",
                                        "amqp1",
                                        "mqtt",
                                        "grpc",
                                        "aggregation",
                                        "curl",
                                        "curl_json",
                                        "curl_jolokia",
                                        "curl_xml",
                                        "dbi",
                                        "oracle",
                                        "postgresql",
                                        "filecount",
                                        "memcachec",
                                        "snmp",
                                        "table",
                                        "tail",
                                        "tail_csv",
                                        "iptables",
                                        "target_set",
                                        "target_replace",
                                        "battery_statefs",
                                        "dpdkevents",
                                        NULL};

static bool loads_one_of(const oconfig_item_t *root, const char *const *names) {
  for (; *names != NULL; names++)
    if (conf_daemon_loads(root, *names) != NULL)
      return true;
  return false;
}

/* Returns whether events of that plugin can come from one that is loaded.
 * collectd itself is the plugin of its internal statistics, and virt was called
 * libvirt. */
static bool is_present(const oconfig_item_t *root, const char *plugin) {
  return strcasecmp(plugin, "collectd") == 0 ||
         conf_daemon_loads(root, plugin) != NULL ||
         (strcasecmp(plugin, "virt") == 0 &&
          conf_daemon_loads(root, "libvirt") != NULL);
}

static bool waits_for_values(const oconfig_item_t *rule) {
  for (int i = 0; i < rule->children_num; i++) {
    const char *text = conf_daemon_text(&rule->children[i]);
    if (conf_daemon_is(&rule->children[i], "Source") && text != NULL)
      return strcasecmp(text, "value") == 0;
  }
  return false;
}

/* Returns the rule's first Plugin if no plugin of those that it names is
 * loaded; NULL if one is, or if that can not be known. */
static const oconfig_item_t *find_absent(const oconfig_item_t *root,
                                         const oconfig_item_t *rule) {
  const oconfig_item_t *first = NULL;
  for (int i = 0; i < rule->children_num; i++) {
    const oconfig_item_t *item = &rule->children[i];
    const char *text = conf_daemon_text(item);
    if (!conf_daemon_is(item, "Plugin"))
      continue;
    if (text == NULL || text[0] == '/' || is_present(root, text))
      return NULL;
    if (first == NULL)
      first = item;
  }
  return first;
}

static void warn_of_absent(const oconfig_item_t *rule,
                           const oconfig_item_t *item, company_warn_fn *warn,
                           void *context) {
  char text[TEXT_BYTES];
  const char *name = conf_daemon_text(rule);
  const char *plugin = conf_daemon_text(item);
  snprintf(
      text, sizeof(text),
      "Rule \"%.*s\": Plugin \"%.*s\": no plugin of that name is loaded, so "
      "that no event can match; LoadPlugin is perhaps missing",
      SHOWN_MAX, name != NULL ? name : "", SHOWN_MAX, plugin);
  warn(context, item, text);
}

/* The plugin is loaded, but no event bears its name. */
static void warn_of_threshold(const oconfig_item_t *rule, company_warn_fn *warn,
                              void *context) {
  for (int i = 0; i < rule->children_num; i++) {
    const oconfig_item_t *item = &rule->children[i];
    const char *text = conf_daemon_text(item);
    if (conf_daemon_is(item, "Plugin") && text != NULL &&
        strcasecmp(text, "threshold") == 0)
      warn(
          context, item,
          "Plugin \"threshold\": its notifications bear the name of the plugin "
          "whose value they are about: write that one");
  }
}

static bool is_rule(const oconfig_item_t *item) {
  return conf_daemon_is(item, "Rule");
}

static void check_names(const oconfig_item_t *root, const oconfig_item_t *rule,
                        company_warn_fn *warn, void *context) {
  const oconfig_item_t *absent = find_absent(root, rule);
  warn_of_threshold(rule, warn, context);
  if (absent != NULL)
    warn_of_absent(rule, absent, warn, context);
}

static void check_senders(const oconfig_item_t *block, company_warn_fn *warn,
                          void *context) {
  for (int i = 0; i < block->children_num; i++) {
    const oconfig_item_t *item = &block->children[i];
    if (!is_rule(item) || waits_for_values(item))
      continue;
    warn(context, item,
         "rules wait for notifications, and no plugin is loaded that is known "
         "to send any; LoadPlugin threshold is perhaps missing");
    return;
  }
}

void company_check(const oconfig_item_t *root, const oconfig_item_t *block,
                   company_warn_fn *warn, void *context) {
  if (!loads_one_of(root, senders))
    check_senders(block, warn, context);
  if (loads_one_of(root, strangers))
    return;
  for (int i = 0; i < block->children_num; i++)
    if (is_rule(&block->children[i]))
      check_names(root, &block->children[i], warn, context);
}
