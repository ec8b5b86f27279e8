/* SPDX-License-Identifier: MIT
 *
 * onenet-probe tests the way to a device; `onenetctl test` runs it, since it
 * needs libcurl: onenet-probe -C FILE [--json] DEVICE|ENDPOINT.
 */
#include "tool.h"

#include "cloud/api.h"
#include "cloud/http.h"
#include "listing.h"
#include "probe.h"
#include "setup.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- words ---- */

static void write_steps(const struct probe *p) {
  for (size_t i = 0; i < p->count; i++) {
    const struct probe_step *s = &p->steps[i];
    printf("%-6s %-10s %s\n",
           s->result == PROBE_WRONG ? "WRONG" : probe_result_name(s->result),
           s->name, s->what);
    if (s->advice[0] != '\0')
      printf("%-17s do: %s\n", "", s->advice);
  }
}

static int write_words(const struct endpoint *e, const struct device *d,
                       const struct probe *p) {
  if (d != NULL)
    printf("device \"%s\" (%s) at ", d->name, d->device_id);
  printf("endpoint \"%s\" (API %s): %.*s\n", e->name, e->api_name,
         (int)strcspn(e->url, "?"), e->url);
  write_steps(p);
  puts(probe_is_right(p) ? "All right: a command can go this way."
                         : "A command can not go this way now.");
  return fflush(stdout) == 0 ? 0 : -1;
}

static int write_json(const struct probe *p) {
  static const char *const columns[] = {"step", "result", "what", "advice"};
  struct listing *l = listing_begin(true, columns, 4);
  if (l == NULL)
    return -1;
  for (size_t i = 0; i < p->count; i++) {
    const struct probe_step *s = &p->steps[i];
    listing_text(l, s->name);
    listing_text(l, probe_result_name(s->result));
    listing_text(l, s->what);
    listing_text(l, s->advice[0] != '\0' ? s->advice : NULL);
  }
  return listing_end(l);
}

/* ---- running ---- */

static int probe(const struct tool *tool, const struct endpoint *e,
                 const struct device *d) {
  static struct probe p;
  if (http_global_init() < 0)
    return tool_fail(TOOL_WRONG,
                     "libcurl can not be used: it must be 7.68 or newer");
  int status = probe_run(e, d, &p);
  http_global_cleanup();
  if (status == 0)
    status = tool->is_json ? write_json(&p) : write_words(e, d, &p);
  if (status < 0)
    return tool_fail(TOOL_WRONG, "what was found can not be written");
  return probe_is_right(&p) ? TOOL_OK : TOOL_WRONG;
}

static int probe_name(const struct tool *tool, const struct options *o,
                      const char *name) {
  const struct device *d = directory_find_device(o->directory, name);
  const struct endpoint *e =
      d != NULL ? d->endpoint : directory_find_endpoint(o->directory, name);
  if (e == NULL)
    return tool_fail(TOOL_WRONG,
                     "no device and no endpoint has the name \"%s\": see "
                     "onenetctl names",
                     name);
  return probe(tool, e, d);
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                          {NULL, 0, NULL, 0}};
  struct tool tool = {.conf_path = COLLECTD_CONF};
  struct setup setup;
  int o;
  while ((o = getopt_long(argc, argv, "C:", options, NULL)) != -1) {
    if (o == '?')
      return TOOL_USAGE;
    if (o == 'C')
      tool.conf_path = optarg;
    else
      tool.is_json = true;
  }
  if (optind + 1 != argc)
    return tool_fail(TOOL_USAGE, "test takes DEVICE or ENDPOINT");
  signal(SIGPIPE, SIG_IGN);
  if (setup_read(&tool, &setup) < 0)
    return TOOL_WRONG;
  int status = probe_name(&tool, setup.options, argv[optind]);
  setup_free(&setup);
  return status;
}
