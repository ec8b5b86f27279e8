/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define NUMBER_BYTES 12 /* "-2147483648" and its NUL */

/* ---- memory for yajl ---- */

/* Memory for yajl, which does not check the results of malloc: one block that
 * is allocated beforehand. When the block is used up, longjmp ends the parsing,
 * so that a lack of memory costs one text and not the daemon. Only the whole
 * block is freed. */
struct arena {
  jmp_buf exhausted;
  char *next;
  size_t left_bytes;
};

static void *arena_alloc(void *context, size_t size) {
  struct arena *a = context;
  const size_t align = alignof(max_align_t);
  const size_t taken = (size + align - 1) / align * align;
  if (taken > a->left_bytes)
    longjmp(a->exhausted, 1);
  char *block = a->next;
  a->next += taken;
  a->left_bytes -= taken;
  return block;
}

/* The size of the old block is not stored. Its distance to the new block, which
 * lies behind it, is an upper bound. */
static void *arena_realloc(void *context, void *old, size_t size) {
  char *block = arena_alloc(context, size);
  if (old == NULL)
    return block;
  const size_t old_size = (size_t)(block - (char *)old);
  return memcpy(block, old, old_size < size ? old_size : size);
}

static void arena_free(void *context, void *block) {
  (void)context;
  (void)block;
}

/* Returns enough for the parser and its two text buffers, which grow by
 * doubling. */
static size_t arena_bytes(size_t text_size) { return 8 * text_size + 16384; }

/* ---- members ---- */

static bool key_is(const struct json_key *key, const char *name) {
  size_t size = strlen(name);
  return key->size == size && size <= JSON_KEY_BYTES &&
         memcmp(key->text, name, size) == 0;
}

bool json_member_is(const struct json_member *m, const char *parent,
                    const char *key) {
  if (m->is_nested != (parent != NULL) || !key_is(&m->key, key))
    return false;
  return parent == NULL || key_is(&m->parent, parent);
}

bool json_member_int32(const struct json_member *m, int32_t *ret_value) {
  char digits[NUMBER_BYTES];
  if (m->type != JSON_NUMBER || m->size >= sizeof(digits))
    return false;
  memcpy(digits, m->text, m->size);
  digits[m->size] = '\0';
  char *end = NULL;
  const long long value = strtoll(digits, &end, 10);
  /* The parser has already refused plus signs, leading zeros and other forms
   * that strtoll accepts. */
  if (*end != '\0' || strcmp(digits, "-0") == 0 || value < INT32_MIN ||
      value > INT32_MAX)
    return false;
  *ret_value = (int32_t)value;
  return true;
}

/* ---- the walk through a text ---- */

#define MEMBER_LEVELS 2 /* deeper members are not visited */

struct walk {
  struct arena arena;
  int depth;
  int max_depth;
  bool is_object[MEMBER_LEVELS + 1];       /* indexed by depth */
  struct json_key keys[MEMBER_LEVELS + 1]; /* key of the member, likewise */
  json_visit_fn *visit;
  void *context;
  char *why;
  size_t why_bytes;
};

/* Returns whether the value that begins here is a member to visit. */
static bool is_member(const struct walk *w) {
  if (w->visit == NULL || w->depth < 1 || w->depth > MEMBER_LEVELS)
    return false;
  return w->is_object[1] && w->is_object[w->depth];
}

static void show(struct walk *w, enum json_type type, const void *text,
                 size_t size) {
  if (!is_member(w))
    return;
  struct json_member member = {.is_nested = w->depth > 1,
                               .key = w->keys[w->depth],
                               .type = type,
                               .text = text,
                               .size = size};
  if (member.is_nested)
    member.parent = w->keys[1];
  w->visit(w->context, &member);
}

static int on_map_key(void *context, const unsigned char *key, size_t size) {
  struct walk *w = context;
  if (w->depth > MEMBER_LEVELS)
    return 1;
  struct json_key *kept = &w->keys[w->depth];
  kept->size = size;
  memcpy(kept->text, key, size < JSON_KEY_BYTES ? size : JSON_KEY_BYTES);
  return 1;
}

static int enter(struct walk *w, enum json_type type) {
  show(w, type, NULL, 0);
  w->depth++;
  if (w->depth <= MEMBER_LEVELS)
    w->is_object[w->depth] = type == JSON_OBJECT;
  return w->depth <= w->max_depth;
}

static int on_start_map(void *context) { return enter(context, JSON_OBJECT); }

static int on_start_array(void *context) { return enter(context, JSON_ARRAY); }

static int on_leave(void *context) {
  struct walk *w = context;
  w->depth--;
  return 1;
}

static int on_null(void *context) {
  show(context, JSON_NULL, NULL, 0);
  return 1;
}

static int on_boolean(void *context, int value) {
  const char *text = value ? "true" : "false";
  show(context, JSON_BOOLEAN, text, strlen(text));
  return 1;
}

static int on_number(void *context, const char *text, size_t size) {
  show(context, JSON_NUMBER, text, size);
  return 1;
}

static int on_string(void *context, const unsigned char *text, size_t size) {
  show(context, JSON_STRING, text, size);
  return 1;
}

static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                         .yajl_boolean = on_boolean,
                                         .yajl_number = on_number,
                                         .yajl_string = on_string,
                                         .yajl_start_map = on_start_map,
                                         .yajl_map_key = on_map_key,
                                         .yajl_end_map = on_leave,
                                         .yajl_start_array = on_start_array,
                                         .yajl_end_array = on_leave};

/* ---- parsing ---- */

static int stop(struct walk *w, size_t offset, const char *why) {
  snprintf(w->why, w->why_bytes, "not JSON at byte %zu: %.*s", offset,
           (int)strcspn(why, "\n"), why);
  return -EINVAL;
}

/* Refuses what yajl accepts against the standard: overlong UTF-8, surrogates,
 * and \v and \f as white space. */
static int check_characters(struct walk *w, const char *text, size_t size) {
  struct buf valid;
  buf_init(&valid, 3 * size);
  int status = buf_append_utf8(&valid, text, size);
  const char *valid_text = buf_text(&valid);
  const char *blank = strpbrk(valid_text, "\v\f");
  size_t same = 0;
  while (status == 0 && same < size && valid_text[same] == text[same])
    same++;
  if (status == 0 && (same < size || valid.size != size))
    status = stop(w, same, "invalid UTF-8");
  else if (status == 0 && blank != NULL)
    status = stop(w, (size_t)(blank - valid_text), "a control character");
  buf_free(&valid);
  return status;
}

static int feed(struct walk *w, yajl_handle handle, const char *text,
                size_t size) {
  const unsigned char *bytes = (const unsigned char *)text;
  switch (yajl_parse(handle, bytes, size)) {
  case yajl_status_ok:
    return 0;
  case yajl_status_client_canceled:
    return stop(w, yajl_get_bytes_consumed(handle), "nested too deeply");
  default:
    return stop(w, yajl_get_bytes_consumed(handle),
                (const char *)yajl_get_error(handle, 0, bytes, size));
  }
}

static int parse(struct walk *w, const char *text, size_t size) {
  if (setjmp(w->arena.exhausted) != 0)
    return -ENOMEM;
  yajl_alloc_funcs funcs = {arena_alloc, arena_realloc, arena_free, &w->arena};
  const yajl_handle handle = yajl_alloc(&callbacks, &funcs, w);
  int status = feed(w, handle, text, size);
  /* yajl accepts an unfinished string behind the value. A line end makes that
   * an error, since a string may not hold one. */
  if (status == 0 && (feed(w, handle, "\n", 1) != 0 ||
                      yajl_complete_parse(handle) != yajl_status_ok))
    status = stop(w, size, "unfinished");
  return status;
}

static int parse_in_arena(struct walk *w, const char *text, size_t size) {
  w->arena.left_bytes = arena_bytes(size);
  char *block = malloc(w->arena.left_bytes);
  w->arena.next = block;
  int status = block == NULL ? -ENOMEM : parse(w, text, size);
  free(block);
  return status;
}

int json_read(const char *text, size_t size, int max_depth,
              json_visit_fn *visit, void *context, char *ret_why,
              size_t why_bytes) {
  struct walk w = {.max_depth = max_depth,
                   .visit = visit,
                   .context = context,
                   .why = ret_why,
                   .why_bytes = why_bytes};
  int status = check_characters(&w, text, size);
  if (status == 0)
    status = parse_in_arena(&w, text, size);
  if (status == -ENOMEM)
    snprintf(ret_why, why_bytes, "out of memory");
  return status;
}

/* ---- values as they are written ---- */

static const char *skip_blanks(const char *at, const char *end) {
  while (at < end && strchr(" \t\r\n", *at) != NULL)
    at++;
  return at;
}

/* Returns what is behind the string whose first quote is at `at`. */
static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\')
      at++;
  return at < end ? at + 1 : end;
}

/* Returns what is behind the value that begins at `at`. */
static const char *skip_value(const char *at, const char *end) {
  int depth = 0;
  if (at < end && *at == '"')
    return skip_string(at, end);
  while (at < end && (depth > 0 || strchr(",} \t\r\n", *at) == NULL)) {
    depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
    at = *at == '"' ? skip_string(at, end) : at + 1;
  }
  return at;
}

static bool is_key(const char *from, const char *end, const char *key) {
  size_t size = strlen(key);
  return (size_t)(end - from) == size + 2 && memcmp(from + 1, key, size) == 0;
}

bool json_find_value(const char *text, size_t size, const char *key,
                     const char **ret_value, size_t *ret_size) {
  const char *end = text + size;
  const char *at = skip_blanks(text, end) + 1; /* behind the brace */
  while ((at = skip_blanks(at, end)) < end && *at == '"') {
    const char *name_end = skip_string(at, end);
    const char *colon = skip_blanks(name_end, end);
    const char *value = skip_blanks(colon + 1, end);
    const char *value_end = skip_value(value, end);
    if (is_key(at, name_end, key)) {
      *ret_value = value;
      *ret_size = (size_t)(value_end - value);
      return true;
    }
    at = skip_blanks(value_end, end) + 1; /* behind the comma */
  }
  return false;
}
