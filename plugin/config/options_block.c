/* SPDX-License-Identifier: MIT */
#include "config/options_block.h"

#include "base/buf.h"
#include "base/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The length of a fault. It leaves room for a prefix within a line of the
 * log. */
#define FAULT_BYTES 960
#define WHERE_MAX 440
#define TEXT_BYTES (FAULT_BYTES - WHERE_MAX - 2)
#define HOMES_MAX_BYTES 128
#define SHOWN_MAX 80 /* bytes of a text that are shown */

/* 2^53: a double holds every whole number up to it exactly. */
#define WHOLE_MAX 9007199254740992.0

#define PLACE_NAME 0           /* faults of a block's name come first */
#define PLACE_MISSING SIZE_MAX /* missing options come last */

struct options_kept {
  struct options_kept *next;
  size_t place;  /* index of the option of <Plugin> */
  size_t within; /* place of the option in a block of <Plugin> */
  struct options_remark remark;
  char line[FAULT_BYTES];
};

void *options_reader_keep(struct options_reader *r, void *p) {
  if (p == NULL)
    r->out_of_memory = true;
  return p;
}

static bool has_fault(const struct options_reader *r) {
  for (const struct options_kept *k = r->remarks; k != NULL; k = k->next)
    if (k->remark.level == OPTIONS_FAULT)
      return true;
  return false;
}

int options_reader_finish(struct options_reader *r, options_tell_fn *tell,
                          void *context) {
  int result = r->out_of_memory ? -ENOMEM : has_fault(r) ? -EINVAL : 0;
  while (r->remarks != NULL) {
    struct options_kept *k = r->remarks;
    r->remarks = k->next;
    if (result != -ENOMEM)
      tell(context, &k->remark);
    free(k);
  }
  return result;
}

/* Inserts a remark behind the earlier ones of the same place. */
static void insert_remark(struct options_reader *r, struct options_kept *k) {
  struct options_kept **at = &r->remarks;
  while (*at != NULL &&
         ((*at)->place < k->place ||
          ((*at)->place == k->place && (*at)->within <= k->within)))
    at = &(*at)->next;
  k->next = *at;
  *at = k;
}

static void hide_controls(char *line) {
  for (char *c = line; *c != '\0'; c++)
    if (iscntrl((unsigned char)*c))
      *c = '?';
}

static void keep_remark(struct options_reader *r,
                        const struct options_remark *of, size_t within,
                        const char *where, const char *format,
                        va_list arguments) {
  struct options_kept *k = options_reader_keep(r, calloc(1, sizeof(*k)));
  if (k == NULL)
    return;
  char text[TEXT_BYTES];
  vsnprintf(text, sizeof(text), format, arguments);
  snprintf(k->line, sizeof(k->line), "%.*s: %s", WHERE_MAX, where, text);
  hide_controls(k->line);
  k->remark = *of;
  k->remark.line = k->line;
  k->place = r->place;
  k->within = within;
  insert_remark(r, k);
}

void options_reader_remark(struct options_reader *r,
                           const struct options_remark *of, const char *where,
                           const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep_remark(r, of, PLACE_NAME, where, format, arguments);
  va_end(arguments);
}

static char *join_path(struct options_reader *r, const char *directory,
                       const char *path) {
  if (path[0] == '/')
    return options_reader_keep(r, strdup(path));
  size_t bytes = strlen(directory) + 1 + strlen(path) + 1;
  char *joined = options_reader_keep(r, malloc(bytes));
  if (joined != NULL)
    snprintf(joined, bytes, "%s/%s", directory, path);
  return joined;
}

char *options_reader_path(struct options_reader *r, const char *path) {
  return join_path(r, r->base_dir, path);
}

char *options_reader_key_path(struct options_reader *r, const char *path) {
  const char *credentials = getenv("CREDENTIALS_DIRECTORY");
  if (credentials == NULL)
    return options_reader_path(r, path);
  char *joined = join_path(r, credentials, path);
  if (joined == NULL || access(joined, F_OK) == 0)
    return joined;
  free(joined);
  return options_reader_path(r, path);
}

/* Returns how many bytes of text are shown: SHOWN_MAX at most, and whole UTF-8
 * sequences only. */
static int shown_length(const char *text) {
  size_t length = strlen(text);
  if (length <= SHOWN_MAX)
    return (int)length;
  length = SHOWN_MAX;
  while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
    length--;
  return (int)length;
}

static void show_text(struct buf *out, const char *text) {
  /* A URL that holds a user mostly holds a password as well. */
  if (strstr(text, "://") != NULL && strchr(text, '@') != NULL)
    buf_append_text(out, " \"...\"");
  else
    buf_append_format(out, " \"%.*s%s\"", shown_length(text), text,
                      strlen(text) > SHOWN_MAX ? "..." : "");
}

static void show_value(struct buf *out, const oconfig_value_t *v) {
  if (v->type == OCONFIG_TYPE_NUMBER)
    buf_append_format(out, " %.15g", v->value.number);
  else if (v->type == OCONFIG_TYPE_BOOLEAN)
    buf_append_format(out, " %s", v->value.boolean ? "true" : "false");
  else
    show_text(out, v->value.string);
}

/* Appends the name of an option or a block, and its values. */
static void show_item(struct buf *out, const char *name,
                      const oconfig_item_t *item, bool is_secret) {
  buf_append_text(out, name);
  if (is_secret)
    buf_append_text(out, " \"...\"");
  else
    for (int i = 0; i < item->values_num; i++)
      show_value(out, &item->values[i]);
}

static void free_shown(struct options_reader *r, struct buf *shown) {
  if (shown->error == -ENOMEM)
    r->out_of_memory = true;
  buf_free(shown);
}

void options_block_begin(struct options_block *b, struct options_reader *r,
                         const oconfig_item_t *item, const char *kind,
                         const struct options_option *table) {
  struct buf title;
  buf_init(&title, sizeof(b->title) - 1);
  show_item(&title, kind, item, false);
  *b = (struct options_block){.reader = r, .item = item, .table = table};
  snprintf(b->title, sizeof(b->title), "%s", buf_text(&title));
  hide_controls(b->title);
  free_shown(r, &title);
}

bool options_block_is_whole(double number) {
  return number >= -WHOLE_MAX && number <= WHOLE_MAX &&
         number == (double)(int64_t)number;
}

const char *options_block_text(struct options_block *b,
                               const oconfig_item_t *item) {
  if (item->values_num != 1)
    return NULL;
  const oconfig_value_t *v = &item->values[0];
  if (v->type == OCONFIG_TYPE_STRING)
    return v->value.string;
  if (v->type != OCONFIG_TYPE_NUMBER ||
      !options_block_is_whole(v->value.number))
    return NULL;
  snprintf(b->number, sizeof(b->number), "%.0f", v->value.number);
  return b->number;
}

const char *options_reader_check_name(const struct options_reader *r,
                                      const char *name,
                                      options_taken_fn *taken) {
  if (name == NULL || !directory_name_is_valid(name))
    return "the name must be 1 to 63 characters of [A-Za-z0-9_.-]";
  if (strcasecmp(name, "agent") == 0)
    return "this name is reserved";
  return taken(r->options, name);
}

void options_block_read_name(struct options_block *b, options_taken_fn *taken) {
  const char *name = options_block_text(b, b->item);
  const char *fault = options_reader_check_name(b->reader, name, taken);
  if (fault == NULL) {
    snprintf(b->name, sizeof(b->name), "%s", name);
    return;
  }
  options_reader_remark(b->reader, &(struct options_remark){.item = b->item},
                        b->title, "%s", fault);
  snprintf(b->name, sizeof(b->name), "?%zu", b->reader->stand_ins++);
}

static const struct options_option *
find_in_table(const struct options_option *table, const char *name) {
  for (const struct options_option *o = table; o->name != NULL; o++)
    if (strcasecmp(o->name, name) == 0)
      return o;
  return NULL;
}

static const struct options_option *find_option(const struct options_block *b,
                                                const char *name) {
  return find_in_table(b->table, name);
}

const oconfig_item_t *options_block_find(const struct options_block *b,
                                         const char *name) {
  for (int i = 0; i < b->item->children_num; i++)
    if (strcasecmp(b->item->children[i].key, name) == 0)
      return &b->item->children[i];
  return NULL;
}

static size_t place_within(const struct options_block *b,
                           const oconfig_item_t *item) {
  return (size_t)(item - b->item->children) + 1;
}

static void keep_within(struct options_block *b, enum options_level level,
                        const oconfig_item_t *item, const char *format,
                        va_list arguments) {
  struct options_remark of = {.level = level,
                              .item = item != NULL ? item : b->item};
  keep_remark(b->reader, &of,
              item != NULL ? place_within(b, item) : PLACE_MISSING, b->title,
              format, arguments);
}

static void fault_within(struct options_block *b, const oconfig_item_t *item,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fault_within(struct options_block *b, const oconfig_item_t *item,
                         const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep_within(b, OPTIONS_FAULT, item, format, arguments);
  va_end(arguments);
}

void options_block_warn(struct options_block *b, const oconfig_item_t *item,
                        const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep_within(b, OPTIONS_WARNING, item, format, arguments);
  va_end(arguments);
}

static void keep_option(struct options_block *b, enum options_level level,
                        const struct options_option *o,
                        const oconfig_item_t *item, const char *format,
                        va_list arguments) {
  struct options_remark of = {.level = level, .item = item};
  struct buf where;
  buf_init(&where, WHERE_MAX);
  buf_append_format(&where, "%s: ", b->title);
  show_item(&where, o->name, item, o->is_secret);
  keep_remark(b->reader, &of, place_within(b, item), buf_text(&where), format,
              arguments);
  free_shown(b->reader, &where);
}

void options_block_fault(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep_option(b, OPTIONS_FAULT, o, item, format, arguments);
  va_end(arguments);
}

void options_block_skip(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  keep_option(b, OPTIONS_SKIPPED, o, item, format, arguments);
  va_end(arguments);
}

void options_block_refuse(struct options_block *b, const char *option,
                          const char *format, ...) {
  const oconfig_item_t *item = options_block_find(b, option);
  if (item == NULL)
    return;
  va_list arguments;
  va_start(arguments, format);
  keep_option(b, OPTIONS_FAULT, find_option(b, option), item, format,
              arguments);
  va_end(arguments);
}

void options_block_miss(struct options_block *b, const char *option,
                        const char *must_be) {
  fault_within(b, NULL, "%s: missing, must be %s", option, must_be);
}

/* Appends the other blocks that have the option, if any: "<Device> or
 * <Rule>". */
static void list_homes(const struct options_block *b, const char *name,
                       struct buf *out) {
  for (const struct options_kind *k = b->reader->kinds; k->block != NULL; k++)
    if (find_in_table(k->table, name) != NULL)
      buf_append_format(out, "%s%s", out->size > 0 ? " or " : "", k->block);
}

static void fault_stray(struct options_block *b, const oconfig_item_t *item,
                        const char *homes) {
  fault_within(b, item, "%s: unknown option here, it goes into %s", item->key,
               homes);
}

static void fault_misspelt(struct options_block *b,
                           const oconfig_item_t *item) {
  struct nearest nearest = {.word = item->key};
  for (const struct options_option *o = b->table; o->name != NULL; o++)
    nearest_try(&nearest, o->name);
  char hint[NEAREST_HINT_BYTES];
  nearest_write_hint(&nearest, hint);
  fault_within(b, item, "%s: unknown option%s", item->key, hint);
}

static void fault_unknown(struct options_block *b, const oconfig_item_t *item) {
  struct buf homes;
  buf_init(&homes, HOMES_MAX_BYTES);
  list_homes(b, item->key, &homes);
  if (homes.size > 0)
    fault_stray(b, item, buf_text(&homes));
  else
    fault_misspelt(b, item);
  free_shown(b->reader, &homes);
}

void options_block_read_item(struct options_block *b,
                             const oconfig_item_t *item, int stage) {
  const struct options_option *o = find_option(b, item->key);
  if (o == NULL) {
    if (stage == 0)
      fault_unknown(b, item);
  } else if (o->stage == stage) {
    if (!o->is_block && item->children_num > 0)
      options_block_fault(b, o, item, "must not be a block");
    else if (!o->is_repeatable && options_block_find(b, o->name) != item)
      options_block_fault(b, o, item, "given more than once");
    else
      o->read(b, o, item);
  }
}

void options_block_read(struct options_block *b, int stage) {
  for (int i = 0; i < b->item->children_num; i++)
    options_block_read_item(b, &b->item->children[i], stage);
}
