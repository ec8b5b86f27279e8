/* SPDX-License-Identifier: MIT */
#include "config/options_value.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LENGTH_MIN 20
#define ALLOWED_BYTES 160 /* list of the words of one option */

static void *place_of(const struct options_block *b,
                      const struct options_option *o) {
  return (char *)b->target + o->offset;
}

/* Returns a hint at the mistake behind an option that is not one text, or
 * "". */
static const char *explain_no_text(const struct options_option *o,
                                   const oconfig_item_t *item) {
  if (item->values_num > 1 && o->is_repeatable)
    return ": give the option once for each";
  if (item->values_num == 1 && item->values[0].type == OCONFIG_TYPE_BOOLEAN)
    return ": without them on, off, yes and no are true and false";
  return "";
}

const char *options_value_text(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item) {
  const char *text = options_block_text(b, item);
  if (text == NULL)
    options_block_fault(b, o, item, "must be one text in quotes%s",
                        explain_no_text(o, item));
  return text;
}

static bool is_line(const char *text) {
  if (*text == '\0')
    return false;
  for (; *text != '\0'; text++)
    if (iscntrl((unsigned char)*text))
      return false;
  return true;
}

const char *options_value_line(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item) {
  const char *text = options_value_text(b, o, item);
  if (text == NULL || is_line(text))
    return text;
  options_block_fault(b, o, item,
                      "must not be empty and must hold no control characters");
  return NULL;
}

void options_value_read_line(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  const char *line = options_value_line(b, o, item);
  if (line != NULL)
    *(char **)place_of(b, o) = options_reader_keep(b->reader, strdup(line));
}

/* Goes by the letters of ASCII, whatever the locale. */
static bool is_identifier(const struct options_option *o, const char *text) {
  static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz0123456789";
  size_t size = 0;
  while (text[size] != '\0' && (strchr(alphanumeric, text[size]) != NULL ||
                                strchr(o->marks, text[size]) != NULL))
    size++;
  return size >= 1 && size <= (size_t)o->max && text[size] == '\0';
}

void options_value_read_identifier(struct options_block *b,
                                   const struct options_option *o,
                                   const oconfig_item_t *item) {
  const char *text = options_value_text(b, o, item);
  if (text == NULL)
    return;
  if (is_identifier(o, text))
    *(char **)place_of(b, o) = options_reader_keep(b->reader, strdup(text));
  else
    options_block_fault(b, o, item,
                        "must be 1 to %.0f characters of [A-Za-z0-9%s]", o->max,
                        o->marks);
}

/* ---- numbers ---- */

static bool one_number(const oconfig_item_t *item, double *ret_number) {
  if (item->values_num != 1 || item->values[0].type != OCONFIG_TYPE_NUMBER)
    return false;
  *ret_number = item->values[0].value.number;
  return true;
}

static bool is_within(double number, double min, double max) {
  return number >= min && number <= max;
}

static bool is_whole(double number, double min, double max) {
  return is_within(number, min, max) && options_block_is_whole(number);
}

/* Returns whether the value is a whole number in the option's range. */
static bool whole_number(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, double *ret_number) {
  const char *kind = "";
  if (!one_number(item, ret_number))
    kind = "one number without quotes, ";
  else if (is_whole(*ret_number, o->min, o->max))
    return true;
  else if (is_within(*ret_number, o->min, o->max))
    kind = "a whole number, ";
  options_block_fault(b, o, item, "must be %s%.0f..%.0f", kind, o->min, o->max);
  return false;
}

void options_value_read_int(struct options_block *b,
                            const struct options_option *o,
                            const oconfig_item_t *item) {
  double number;
  if (whole_number(b, o, item, &number))
    *(int *)place_of(b, o) = (int)number;
}

void options_value_read_int64(struct options_block *b,
                              const struct options_option *o,
                              const oconfig_item_t *item) {
  double number;
  if (whole_number(b, o, item, &number))
    *(int64_t *)place_of(b, o) = (int64_t)number;
}

void options_value_read_size(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  double number;
  if (whole_number(b, o, item, &number))
    *(size_t *)place_of(b, o) = (size_t)number;
}

void options_value_read_double(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item) {
  double number;
  if (one_number(item, &number) && isfinite(number) && number >= o->min)
    *(double *)place_of(b, o) = number;
  else
    options_block_fault(b, o, item, "must be one number, %.0f or above",
                        o->min);
}

#define RATE_COUNT_MAX 1000000
#define RATE_SECONDS_MAX 86400

static bool is_rate(const oconfig_item_t *item) {
  return item->values_num == 2 && item->values[0].type == OCONFIG_TYPE_NUMBER &&
         item->values[1].type == OCONFIG_TYPE_NUMBER &&
         is_whole(item->values[0].value.number, 1, RATE_COUNT_MAX) &&
         is_whole(item->values[1].value.number, 1, RATE_SECONDS_MAX);
}

void options_value_read_rate(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  if (is_rate(item))
    *(struct rate_limit *)place_of(b, o) =
        (struct rate_limit){.count = (uint32_t)item->values[0].value.number,
                            .seconds = (uint32_t)item->values[1].value.number};
  else
    options_block_fault(b, o, item,
                        "must be COUNT 1..%d and SECONDS 1..%d, two numbers",
                        RATE_COUNT_MAX, RATE_SECONDS_MAX);
}

/* ---- booleans and words ---- */

static const struct options_word *find_word(const struct options_word *words,
                                            const char *text) {
  for (const struct options_word *w = words; text != NULL && w->word != NULL;
       w++)
    if (strcasecmp(w->word, text) == 0)
      return w;
  return NULL;
}

void options_value_read_bool(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  /* Words that collectd takes for booleans. In quotes, or with a capital
   * letter, they arrive as text. */
  static const struct options_word words[] = {
      {"true", 1}, {"yes", 1}, {"on", 1}, {"false", 0},
      {"no", 0},   {"off", 0}, {NULL, 0}};
  const struct options_word *w = find_word(words, options_block_text(b, item));
  if (item->values_num == 1 && item->values[0].type == OCONFIG_TYPE_BOOLEAN)
    *(bool *)place_of(b, o) = item->values[0].value.boolean != 0;
  else if (w != NULL)
    *(bool *)place_of(b, o) = w->value != 0;
  else
    options_block_fault(b, o, item, "must be true or false");
}

/* Writes a list of the words: "full or normal", "all, failures or none". */
static void list_words(const struct options_word *words, char *ret_list,
                       size_t bytes) {
  size_t used = 0;
  for (const struct options_word *w = words; w->word != NULL && used < bytes;
       w++) {
    const char *before = w == words ? "" : w[1].word == NULL ? " or " : ", ";
    used += (size_t)snprintf(ret_list + used, bytes - used, "%s%s", before,
                             w->word);
  }
}

/* Returns the word that is the option's value, or NULL after a fault. */
static const struct options_word *one_word(struct options_block *b,
                                           const struct options_option *o,
                                           const oconfig_item_t *item) {
  const struct options_word *w =
      find_word(o->words, options_block_text(b, item));
  if (w == NULL) {
    char allowed[ALLOWED_BYTES] = "";
    list_words(o->words, allowed, sizeof(allowed));
    options_block_fault(b, o, item, "must be %s", allowed);
  }
  return w;
}

void options_value_read_word(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  const struct options_word *w = one_word(b, o, item);
  if (w != NULL)
    *(int *)place_of(b, o) = w->value;
}

void options_value_read_choice(struct options_block *b,
                               const struct options_option *o,
                               const oconfig_item_t *item) {
  const struct options_word *w = one_word(b, o, item);
  if (w != NULL)
    *(bool *)place_of(b, o) = w->value != 0;
}

/* ---- paths ---- */

char *options_value_path(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item) {
  const char *line = options_value_line(b, o, item);
  if (line == NULL)
    return NULL;
  return o->is_key ? options_reader_key_path(b->reader, line)
                   : options_reader_path(b->reader, line);
}

/* Opens a regular file. Returns NULL and writes the file, or returns why it can
 * not be read. */
static const char *open_regular(const char *path, FILE **ret_file) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return strerror(errno);
  const char *why = NULL;
  struct stat status;
  if (fstat(fd, &status) != 0)
    why = strerror(errno);
  else if (!S_ISREG(status.st_mode))
    why = "not a regular file";
  else if ((*ret_file = fdopen(fd, "r")) == NULL)
    why = strerror(errno);
  if (why != NULL)
    close(fd);
  return why;
}

static bool is_missing(const char *path) {
  return access(path, F_OK) != 0 && errno == ENOENT;
}

/* Returns whether the text may be the key itself instead of its path: then it
 * must not be shown. */
static bool looks_like_key(const char *text) {
  return text != NULL && text[0] != '/' &&
         (strchr(text, '=') != NULL ||
          (strlen(text) >= KEY_LENGTH_MIN && strchr(text, '.') == NULL));
}

static void fault_missing_key(struct options_block *b,
                              const struct options_option *o,
                              const oconfig_item_t *item, const char *path) {
  struct options_option secret = *o;
  secret.is_secret = true;
  if (looks_like_key(options_block_text(b, item)))
    options_block_fault(b, &secret, item,
                        "must be the path of a file, and there is none; if "
                        "this is the key itself, put it into a file, and the "
                        "path of that file here");
  else
    options_block_fault(b, o, item,
                        "must be a file that can be read: %s: %s; put the key "
                        "into this file",
                        path, strerror(ENOENT));
}

/* Returns whether the user who looks may not read what is at the path, so that
 * nothing can be said of it. */
static bool is_hidden(const struct options_block *b,
                      const struct options_option *o, const char *path) {
  return b->reader->purpose == OPTIONS_FOR_LOOK && access(path, R_OK) != 0 &&
         (errno == EACCES || o->is_key);
}

FILE *options_value_open(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, char **ret_path) {
  FILE *file = NULL;
  char *path = options_value_path(b, o, item);
  if (path == NULL)
    return NULL;
  const char *why = open_regular(path, &file);
  if (why == NULL || is_hidden(b, o, path)) {
    *ret_path = path;
    return file;
  }
  if (o->is_key && is_missing(path))
    fault_missing_key(b, o, item, path);
  else
    options_block_fault(b, o, item, "must be a file that can be read: %s: %s",
                        path, why);
  free(path);
  return NULL;
}

void options_value_read_file(struct options_block *b,
                             const struct options_option *o,
                             const oconfig_item_t *item) {
  FILE *file = options_value_open(b, o, item, place_of(b, o));
  if (file != NULL)
    fclose(file);
}

void options_value_read_directory(struct options_block *b,
                                  const struct options_option *o,
                                  const oconfig_item_t *item) {
  char *path = options_value_path(b, o, item);
  if (path == NULL)
    return;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 || is_hidden(b, o, path)) {
    if (fd >= 0)
      close(fd);
    *(char **)place_of(b, o) = path;
    return;
  }
  options_block_fault(b, o, item,
                      "must be a directory that can be read: %s: %s", path,
                      strerror(errno));
  free(path);
}
