/* SPDX-License-Identifier: MIT */
#include "given.h"

#include "words/template.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TIME_MAX_S 1e11 /* some thousand years */

struct given_meta {
  struct given_meta *next;
  char *text;  /* stands behind the name */
  char name[]; /* NUL-terminated */
};

void given_init(struct given *g, int64_t wall_now_ms) {
  *g = (struct given){
      .severity = SEVERITY_FAILURE, .value = NAN, .wall_time_ms = wall_now_ms};
}

void given_free(struct given *g) {
  for (struct given_meta *m = g->meta, *next; m != NULL; m = next) {
    next = m->next;
    free(m);
  }
  g->meta = NULL;
}

/* ---- meta data ---- */

static const struct given_meta *find_meta(const struct given *g,
                                          const char *name) {
  const struct given_meta *m = g->meta;
  while (m != NULL && strcmp(m->name, name) != 0)
    m = m->next;
  return m;
}

/* Looks as the plugin does at what threshold adds to a notification. */
static int append_meta(const void *meta, const char *name, struct buf *out) {
  const struct given *g = meta;
  bool is_notification = g->source == EVENT_NOTIFICATION;
  const struct given_meta *found = find_meta(g, name);
  if (found != NULL)
    return buf_append_text(out, found->text);
  if (is_notification && g->has_value && strcmp(name, "CurrentValue") == 0)
    return template_append_number(out, g->value);
  if (is_notification && g->data_source[0] != '\0' &&
      strcmp(name, "DataSource") == 0)
    return buf_append_text(out, g->data_source);
  return -ENOENT;
}

static int add_meta(struct given *g, const char *name, size_t name_size,
                    const char *text) {
  size_t text_bytes = strlen(text) + 1;
  struct given_meta *m = calloc(1, sizeof *m + name_size + 1 + text_bytes);
  if (m == NULL)
    return -ENOMEM;
  m->text = m->name + name_size + 1;
  memcpy(m->name, name, name_size);
  memcpy(m->text, text, text_bytes);
  m->next = g->meta;
  g->meta = m;
  return 0;
}

/* ---- what has a name ---- */

typedef int set_fn(struct given *g, const char *text, char *ret_why);

static int say(char *ret_why, const char *what) {
  snprintf(ret_why, GIVEN_WHY_BYTES, "%s", what);
  return -EINVAL;
}

static int set_source(struct given *g, const char *text, char *ret_why) {
  bool is_value = strcmp(text, "value") == 0;
  if (!is_value && strcmp(text, "notification") != 0)
    return say(ret_why, "must be notification or value");
  g->source = is_value ? EVENT_VALUE : EVENT_NOTIFICATION;
  return 0;
}

static int set_severity(struct given *g, const char *text, char *ret_why) {
  for (int s = SEVERITY_OKAY; s < SEVERITY_VALUE; s++) {
    if (strcasecmp(text, event_severity_name((enum severity)s)) != 0)
      continue;
    g->severity = (enum severity)s;
    g->has_severity = true;
    return 0;
  }
  return say(ret_why, "must be failure, warning or okay");
}

/* Reads all of the text as a number. */
static bool read_number(const char *text, double *ret_number) {
  char *end;
  *ret_number = strtod(text, &end);
  return end != text && *end == '\0';
}

static int set_value(struct given *g, const char *text, char *ret_why) {
  if (!read_number(text, &g->value))
    return say(ret_why, "must be a number, or nan");
  g->has_value = true;
  return 0;
}

static int set_time(struct given *g, const char *text, char *ret_why) {
  double seconds;
  if (!read_number(text, &seconds) || !(seconds >= 0 && seconds < TIME_MAX_S))
    return say(ret_why, "must be seconds since 1970");
  g->wall_time_ms = (int64_t)(seconds * 1000);
  g->has_time = true;
  return 0;
}

static int set_meta(struct given *g, const char *text, char *ret_why) {
  size_t name_size = strcspn(text, "=");
  if (name_size == 0 || text[name_size] != '=')
    return say(ret_why, "must be NAME=TEXT");
  return add_meta(g, text, name_size, text + name_size + 1);
}

static const struct {
  const char *name;
  set_fn *set;
} readers[] = {{"source", set_source},
               {"severity", set_severity},
               {"value", set_value},
               {"time", set_time},
               {"meta", set_meta}};

#define TEXT(member)                                                           \
  {                                                                            \
#member, offsetof(struct given, member),                                   \
        sizeof(((struct given *)0)->member)                                    \
  }

static const struct {
  const char *name;
  size_t offset;
  size_t bytes;
} texts[] = {TEXT(host),   TEXT(plugin),        TEXT(plugin_instance),
             TEXT(type),   TEXT(type_instance), TEXT(data_source),
             TEXT(message)};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Returns whether the name is that of a text, which is set then. */
static bool set_text(struct given *g, const char *name, const char *text) {
  for (size_t i = 0; i < COUNT(texts); i++) {
    if (strcasecmp(name, texts[i].name) != 0)
      continue;
    snprintf((char *)g + texts[i].offset, texts[i].bytes, "%s", text);
    return true;
  }
  return false;
}

int given_set(struct given *g, const char *name, const char *text,
              char ret_why[static GIVEN_WHY_BYTES]) {
  char why[GIVEN_WHY_BYTES] = "is not known";
  int status = -EINVAL;
  if (set_text(g, name, text))
    return 0;
  for (size_t i = 0; i < COUNT(readers); i++)
    if (strcasecmp(name, readers[i].name) == 0)
      status = readers[i].set(g, text, why);
  if (status == -EINVAL)
    snprintf(ret_why, GIVEN_WHY_BYTES, "%.32s \"%.48s\": %.48s", name, text,
             why);
  return status;
}

/* ---- a line of PUTNOTIF ---- */

static char *skip_blanks(char *at) {
  while (isspace((unsigned char)*at))
    at++;
  return at;
}

/* Cuts a quoted text off, in which a backslash stands for the character behind
 * it. Returns what is behind it; NULL if it has no end, or no blank behind it.
 */
static char *cut_quoted(char *at, char **ret_text) {
  char *to = ++at;
  *ret_text = to;
  for (; *at != '"'; at++) {
    at += *at == '\\';
    if (*at == '\0')
      return NULL;
    *to++ = *at;
  }
  *to = '\0';
  return at[1] == '\0' || isspace((unsigned char)at[1]) ? at + 1 : NULL;
}

static char *cut_bare(char *at, char **ret_text) {
  *ret_text = at;
  while (*at != '\0' && !isspace((unsigned char)*at))
    at++;
  if (*at != '\0')
    *at++ = '\0';
  return at;
}

/* Cuts a name off, and the = behind it. Returns what is behind that, or NULL.
 */
static char *cut_name(char *at, char **ret_name) {
  *ret_name = at;
  while (isalnum((unsigned char)*at) || *at == '_' || *at == ':')
    at++;
  if (*at != '=' || at == *ret_name)
    return NULL;
  *at++ = '\0';
  return at;
}

/* Cuts NAME=TEXT off. */
static char *cut_pair(char *at, char **ret_name, char **ret_text) {
  at = cut_name(at, ret_name);
  if (at == NULL || *at == '\0' || isspace((unsigned char)*at))
    return NULL;
  at = *at == '"' ? cut_quoted(at, ret_text) : cut_bare(at, ret_text);
  return at != NULL ? skip_blanks(at) : NULL;
}

/* Returns whether a notification of unixsock may have something of that name.
 */
static bool is_of_line(const char *name) {
  static const char *const others[] = {"source", "value", "meta",
                                       "data_source"};
  for (size_t i = 0; i < COUNT(others); i++)
    if (strcasecmp(name, others[i]) == 0)
      return false;
  return true;
}

static int set_pair(struct given *g, const char *name, const char *text,
                    char *ret_why) {
  bool is_meta = strncmp(name, "s:", 2) == 0 && name[2] != '\0';
  if (is_meta && strcmp(name + 2, "DataSource") == 0)
    set_text(g, "data_source", text);
  if (is_meta)
    return add_meta(g, name + 2, strlen(name + 2), text);
  if (is_of_line(name))
    return given_set(g, name, text, ret_why);
  snprintf(ret_why, GIVEN_WHY_BYTES, "%.48s: collectd does not know it", name);
  return -EINVAL;
}

static int read_pairs(struct given *g, char *at, char *ret_why) {
  int status = 0;
  while (status == 0 && *at != '\0') {
    char *name, *text, *pair = at;
    at = cut_pair(at, &name, &text);
    if (at == NULL) {
      snprintf(ret_why, GIVEN_WHY_BYTES,
               "no NAME=TEXT, quoted as collectd reads it, at \"%.48s\"", pair);
      return -EINVAL;
    }
    status = set_pair(g, name, text, ret_why);
  }
  return status;
}

int given_read_line(struct given *g, char *line,
                    char ret_why[static GIVEN_WHY_BYTES]) {
  char *word;
  char *at = cut_bare(skip_blanks(line), &word);
  if (strcasecmp(word, "PUTNOTIF") != 0)
    return say(ret_why, "the line must begin with PUTNOTIF");
  int status = read_pairs(g, skip_blanks(at), ret_why);
  if (status < 0)
    return status;
  if (!g->has_severity)
    return say(ret_why, "severity is lacking: collectd refuses the line");
  if (!g->has_time)
    return say(ret_why, "time is lacking: collectd refuses the line");
  if (g->message[0] == '\0')
    return say(ret_why, "message is lacking: collectd refuses the line");
  return 0;
}

/* ---- the event ---- */

static const char *data_source_of(const struct given *g) {
  bool is_default = g->source == EVENT_VALUE && g->data_source[0] == '\0';
  return is_default ? "value" : g->data_source;
}

int given_event(const struct given *g, struct event *ret_event,
                char ret_why[static GIVEN_WHY_BYTES]) {
  bool is_value = g->source == EVENT_VALUE;
  if (is_value && (g->has_severity || g->message[0] != '\0'))
    return say(ret_why, "a value has neither severity nor message");
  if (is_value && !g->has_value)
    return say(ret_why, "source value: value is lacking");
  *ret_event =
      (struct event){.source = g->source,
                     .severity = is_value ? SEVERITY_VALUE : g->severity,
                     .host = g->host,
                     .plugin = g->plugin,
                     .plugin_instance = g->plugin_instance,
                     .type = g->type,
                     .type_instance = g->type_instance,
                     .data_source = data_source_of(g),
                     .message = g->message,
                     .has_value = g->has_value,
                     .value = g->value,
                     .wall_time_ms = g->wall_time_ms,
                     .find_meta = append_meta,
                     .meta = g};
  return 0;
}
