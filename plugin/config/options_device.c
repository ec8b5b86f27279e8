/* SPDX-License-Identifier: MIT */
#include "config/options_device.h"

#include "base/nearest.h"
#include "cloud/api.h"
#include "config/known_files.h"
#include "config/options_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_ALLOWED "1 to 128 printable ASCII characters"

const char *options_device_taken(const struct options *options,
                                 const char *name) {
  if (directory_find_endpoint(options->directory, name) != NULL)
    return "an Endpoint has this name already";
  if (directory_find_device(options->directory, name) != NULL)
    return "a Device has this name already";
  return NULL;
}

static bool id_is_valid(const char *id) {
  size_t size = 0;
  for (; id[size] != '\0'; size++)
    if (id[size] < ' ' || id[size] > '~')
      return false;
  return size > 0 && size < DEVICE_ID_BYTES;
}

/* Returns the only endpoint, for a device that names none. Unless there is
 * exactly one, returns NULL and writes what the option must be. */
static const struct endpoint *only_endpoint(const struct directory *d,
                                            const char **ret_must_be) {
  size_t count = directory_endpoint_count(d);
  if (count == 1)
    return directory_endpoint(d, 0);
  *ret_must_be = count == 0 ? "the name of an Endpoint, and there is none"
                            : "the name of an Endpoint, as there are several";
  return NULL;
}

/* Returns the endpoint of that name, or NULL. Writes a hint for a misspelt
 * name. */
static const struct endpoint *
find_endpoint(const struct directory *d, const char *name,
              char ret_hint[static NEAREST_HINT_BYTES]) {
  struct nearest nearest = {.word = name};
  for (size_t i = 0; i < directory_endpoint_count(d); i++)
    nearest_try(&nearest, directory_endpoint(d, i)->name);
  nearest_write_hint(&nearest, ret_hint);
  return directory_find_endpoint(d, name);
}

/* ---- the block ---- */

static void read_id(struct options_block *b, const struct options_option *o,
                    const oconfig_item_t *item) {
  struct device *d = b->target;
  const char *id = options_value_text(b, o, item);
  if (id != NULL && !id_is_valid(id))
    options_block_fault(b, o, item, "must be " ID_ALLOWED);
  else if (id != NULL && device_set_id(d, id) < 0)
    b->reader->out_of_memory = true;
}

static void read_endpoint(struct options_block *b,
                          const struct options_option *o,
                          const oconfig_item_t *item) {
  struct device *d = b->target;
  const char *name = options_value_text(b, o, item);
  if (name == NULL)
    return;
  char hint[NEAREST_HINT_BYTES];
  d->endpoint = find_endpoint(b->reader->options->directory, name, hint);
  if (d->endpoint == NULL)
    options_block_fault(b, o, item, "no such endpoint%s", hint);
}

#define AT(member) .offset = offsetof(struct device, member)

const struct options_option options_device_table[] = {
    {"DeviceID", read_id, AT(device_id)},
    {"Endpoint", read_endpoint, AT(endpoint)},
    {"Timeout", options_value_read_int, AT(timeout_s), .min = 0,
     .max = DEVICE_TIMEOUT_MAX_S},
    {"QoS", options_value_read_int, AT(qos), .min = 0, .max = 1},
    {"RateLimit", options_value_read_rate, AT(rate)},
    {.name = NULL}};

void options_device_read(struct options_block *plugin,
                         const struct options_option *o,
                         const oconfig_item_t *item) {
  struct options_reader *r = plugin->reader;
  struct device *d = NULL;
  struct options_block b;
  const char *must_be = NULL;
  options_block_begin(&b, r, item, o->name, options_device_table);
  options_block_read_name(&b, options_device_taken);
  if (directory_add_device(r->options->directory, b.name, &d) != 0) {
    r->out_of_memory = true;
    return;
  }
  d->declared = true;
  b.target = d;
  options_block_read(&b, 0);
  if (options_block_find(&b, "DeviceID") == NULL)
    options_block_miss(&b, "DeviceID", ID_ALLOWED);
  if (options_block_find(&b, "Endpoint") == NULL)
    d->endpoint = only_endpoint(r->options->directory, &must_be);
  if (must_be != NULL)
    options_block_miss(&b, "Endpoint", must_be);
  if (d->endpoint != NULL && d->endpoint->api != NULL &&
      !d->endpoint->api->takes_qos)
    options_block_refuse(&b, "QoS",
                         "does not go with API \"%s\" of endpoint \"%s\"",
                         d->endpoint->api->name, d->endpoint->name);
}

/* ---- the file ---- */

#define UTF8_MARK "\xef\xbb\xbf" /* byte order mark of some editors */
#define FILE_FAULTS_MAX 20       /* more faults are counted only */
#define WHERE_BYTES 512
#define TEXT_BYTES 256
#define SHOWN_MAX 80

#define FORM "must be name,device_id[,endpoint[,timeout]]"

struct device_file {
  struct options_reader *reader;
  const oconfig_item_t *item; /* the option that names it */
  const char *path;
  bool is_known; /* read without a fault before: wrong lines are skipped */
  bool is_over;  /* the rest can not be read */
  size_t line;
  size_t devices;
  size_t faults;
};

/* The columns of a line: name,device_id[,endpoint[,timeout]]. */
enum column {
  COLUMN_NAME,
  COLUMN_ID,
  COLUMN_ENDPOINT,
  COLUMN_TIMEOUT,
  COLUMNS
};

static void fault_line(struct device_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fault_line(struct device_file *f, const char *format, ...) {
  if (++f->faults > FILE_FAULTS_MAX)
    return;
  char where[WHERE_BYTES];
  char text[TEXT_BYTES];
  snprintf(where, sizeof(where), "DeviceFile \"%s\" line %zu", f->path,
           f->line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  struct options_remark of = {.level =
                                  f->is_known ? OPTIONS_SKIPPED : OPTIONS_FAULT,
                              .item = f->item,
                              .file = f->path,
                              .file_line = f->line};
  options_reader_remark(f->reader, &of, where, "%s%s", text,
                        f->is_known ? "; this line is skipped" : "");
}

static char *trim(char *text) {
  while (isspace((unsigned char)*text))
    text++;
  size_t size = strlen(text);
  while (size > 0 && isspace((unsigned char)text[size - 1]))
    size--;
  text[size] = '\0';
  return text;
}

/* Splits a line into its columns; missing columns are empty. Returns false if
 * the line has more columns than there may be. */
static bool split(char *line, char *ret_columns[static COLUMNS]) {
  static char empty[] = "";
  for (int i = 0; i < COLUMNS; i++) {
    char *comma = line == NULL ? NULL : strchr(line, ',');
    if (comma != NULL)
      *comma = '\0';
    ret_columns[i] = line == NULL ? empty : trim(line);
    line = comma == NULL ? NULL : comma + 1;
  }
  return line == NULL;
}

static bool parse_timeout(const char *text, int *ret_timeout_s) {
  if (text[strspn(text, "0123456789")] != '\0')
    return false;
  long timeout_s = strtol(text, NULL, 10); /* 0 if there are no digits */
  if (timeout_s > DEVICE_TIMEOUT_MAX_S)
    return false;
  *ret_timeout_s = (int)timeout_s;
  return true;
}

/* Returns the endpoint of a line, or NULL after a fault. */
static const struct endpoint *line_endpoint(struct device_file *f,
                                            const char *name) {
  const struct directory *directory = f->reader->options->directory;
  const struct endpoint *e;
  if (*name == '\0') {
    const char *must_be = NULL;
    e = only_endpoint(directory, &must_be);
    if (e == NULL)
      fault_line(f, "endpoint: missing, must be %s", must_be);
    return e;
  }
  char hint[NEAREST_HINT_BYTES];
  e = find_endpoint(directory, name, hint);
  if (e == NULL)
    fault_line(f, "endpoint \"%.*s\": no such endpoint%s", SHOWN_MAX, name,
               hint);
  return e;
}

static void add_line(struct device_file *f, char *const *columns,
                     const struct endpoint *endpoint, int timeout_s) {
  struct device *d = NULL;
  if (directory_add_device(f->reader->options->directory, columns[COLUMN_NAME],
                           &d) != 0 ||
      device_set_id(d, columns[COLUMN_ID]) < 0) {
    f->reader->out_of_memory = true;
    return;
  }
  d->endpoint = endpoint;
  d->timeout_s = timeout_s;
  f->devices++;
}

static void read_columns(struct device_file *f, char *const *columns) {
  const char *name = columns[COLUMN_NAME];
  const char *why =
      options_reader_check_name(f->reader, name, options_device_taken);
  int timeout_s = 0;
  if (why != NULL) {
    fault_line(f, "\"%.*s\": %s", SHOWN_MAX, name, why);
  } else if (!id_is_valid(columns[COLUMN_ID])) {
    fault_line(f, "device_id \"%.*s\": must be " ID_ALLOWED, SHOWN_MAX,
               columns[COLUMN_ID]);
  } else if (!parse_timeout(columns[COLUMN_TIMEOUT], &timeout_s)) {
    fault_line(f, "timeout \"%.*s\": must be 0..%d", SHOWN_MAX,
               columns[COLUMN_TIMEOUT], DEVICE_TIMEOUT_MAX_S);
  } else {
    const struct endpoint *e = line_endpoint(f, columns[COLUMN_ENDPOINT]);
    if (e != NULL)
      add_line(f, columns, e, timeout_s);
  }
}

/* Returns advice on a line as other programs write it (quotes, other
 * separators, a heading), or NULL. */
static const char *advise(const char *text) {
  static const char heading[] = "name,device_id";
  size_t size = sizeof(heading) - 1;
  if (*text == '"')
    return FORM ": take the quotes away";
  if (strchr(text, ',') == NULL && strpbrk(text, ";\t") != NULL)
    return FORM ": put commas between the parts";
  if (strncasecmp(text, heading, size) == 0 &&
      (text[size] == '\0' || text[size] == ','))
    return "a heading, and no device: put # before it";
  return NULL;
}

static void read_text(struct device_file *f, char *text) {
  char *columns[COLUMNS];
  const char *advice = advise(text);
  if (advice != NULL)
    fault_line(f, "%s", advice);
  else if (split(text, columns))
    read_columns(f, columns);
  else
    fault_line(f, FORM);
}

static bool begins_with(const char *line, const char *mark) {
  return strncmp(line, mark, strlen(mark)) == 0;
}

static bool is_utf16(const char *line) {
  return begins_with(line, "\xff\xfe") || begins_with(line, "\xfe\xff");
}

static void read_line(struct device_file *f, char *line, size_t size) {
  bool is_first = f->line == 1;
  if (is_first && is_utf16(line)) {
    f->is_over = true;
    fault_line(f, "UTF-16 text: save the file as UTF-8");
    return;
  }
  if (strlen(line) != size) {
    fault_line(f, "must not hold a NUL byte");
    return;
  }
  if (is_first && begins_with(line, UTF8_MARK))
    line += strlen(UTF8_MARK);
  char *text = trim(line);
  if (*text != '\0' && *text != '#')
    read_text(f, text);
}

/* Reads all lines of the file. Returns 0 or a negative errno. */
static int read_lines(struct device_file *f, FILE *file) {
  char *line = NULL;
  size_t capacity = 0;
  ssize_t size;
  while (!f->is_over && (size = getline(&line, &capacity, file)) >= 0) {
    f->line++;
    read_line(f, line, (size_t)size);
  }
  int status = f->is_over || feof(file) ? 0 : -errno;
  free(line);
  return status;
}

/* Takes the path and appends it to the list of all DeviceFiles. */
static void keep_path(struct options_reader *r, char *path) {
  struct options *o = r->options;
  size_t count = 0;
  while (o->device_files != NULL && o->device_files[count] != NULL)
    count++;
  char **grown = options_reader_keep(
      r, realloc(o->device_files, (count + 2) * sizeof(*grown)));
  if (grown == NULL) {
    free(path);
    return;
  }
  grown[count] = path;
  grown[count + 1] = NULL;
  o->device_files = grown;
}

/* Reports on the file as a whole: no device in it, lines that were skipped, or
 * faults beyond FILE_FAULTS_MAX. */
static void sum_up(const struct device_file *f, struct options_block *plugin,
                   const struct options_option *o, const oconfig_item_t *item) {
  size_t untold = f->faults > FILE_FAULTS_MAX ? f->faults - FILE_FAULTS_MAX : 0;
  if (f->faults == 0 && f->devices == 0)
    options_block_warn(plugin, item,
                       "DeviceFile \"%s\": there is no device in it", f->path);
  if (f->is_known && f->faults > 0)
    options_block_skip(plugin, o, item,
                       "wrong lines: %zu; they are skipped, as the file was "
                       "right at an earlier start; mend them, check with "
                       "collectd -T, and restart collectd",
                       f->faults);
  else if (untold > 0)
    options_block_fault(plugin, o, item, "and %zu more lines are wrong",
                        untold);
}

void options_device_read_file(struct options_block *plugin,
                              const struct options_option *o,
                              const oconfig_item_t *item) {
  struct options_reader *r = plugin->reader;
  char *path = NULL;
  FILE *file = options_value_open(plugin, o, item, &path);
  if (file == NULL) {
    r->options->skipped_lines += path != NULL; /* at least one */
    free(path);
    return;
  }
  struct device_file f = {.reader = r, .item = item, .path = path};
  f.is_known = r->purpose != OPTIONS_FOR_CHECK &&
               known_files_has(r->options->ledger_path, path);
  int status = read_lines(&f, file);
  sum_up(&f, plugin, o, item);
  if (f.is_known)
    r->options->skipped_lines += f.faults;
  if (status == -ENOMEM)
    r->out_of_memory = true;
  else if (status != 0)
    options_block_fault(plugin, o, item, "%s", strerror(-status));
  fclose(file);
  keep_path(r, path);
}
