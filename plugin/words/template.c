/* SPDX-License-Identifier: MIT */
#include "words/template.h"

#include "base/base64.h"

#include "base/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"
#define FIELD_MAX_BYTES (1 << 20) /* limit of meta data, above all */
#define SHOWN_NAME_BYTES 41

/* Numbers that are made of digits by arithmetic alone, as most sensors tell
 * them: so many decimal places, and as many digits as any double keeps. */
#define PLACES_MAX 9
#define DECIMAL_MAX 1e15

enum field {
  FIELD_HOST,
  FIELD_PLUGIN,
  FIELD_PLUGIN_INSTANCE,
  FIELD_TYPE,
  FIELD_TYPE_INSTANCE,
  FIELD_DATA_SOURCE,
  FIELD_SEVERITY,
  FIELD_MESSAGE,
  FIELD_TIME,
  FIELD_EPOCH,
  FIELD_VALUE,
  FIELD_RULE,
  FIELD_DEVICE,
  FIELD_DEVICE_ID,
  FIELD_META,
  FIELD_COUNT,
  FIELD_LITERAL /* no hole: text between holes */
};

#define META_PREFIX "meta:"
#define FIELD_NAME_BYTES 16 /* the longest name, with the NUL */

static const char field_names[FIELD_COUNT][FIELD_NAME_BYTES] = {
    [FIELD_HOST] = "host",
    [FIELD_PLUGIN] = "plugin",
    [FIELD_PLUGIN_INSTANCE] = "plugin_instance",
    [FIELD_TYPE] = "type",
    [FIELD_TYPE_INSTANCE] = "type_instance",
    [FIELD_DATA_SOURCE] = "data_source",
    [FIELD_SEVERITY] = "severity",
    [FIELD_MESSAGE] = "message",
    [FIELD_TIME] = "time",
    [FIELD_EPOCH] = "epoch",
    [FIELD_VALUE] = "value",
    [FIELD_RULE] = "rule",
    [FIELD_DEVICE] = "device",
    [FIELD_DEVICE_ID] = "device_id",
    [FIELD_META] = META_PREFIX "NAME",
};

struct piece {
  enum field field;
  bool is_bare; /* outside a JSON string */
  char *text;   /* literal; or name of meta data with its prefix and a NUL */
  size_t size;
  char *fallback; /* default of a hole, NUL-terminated; NULL: none */
};

/* A parsed template. `texts` holds the literals, names of meta data and
 * defaults: together they are never longer than the text that was parsed. */
struct template {
  enum template_format format;
  struct piece *pieces;
  size_t piece_count;
  char texts[];
};

struct parser {
  struct template *t;
  char *texts_end;
  bool in_string;  /* the text so far ends inside a JSON string */
  bool is_escaped; /* the text so far ends with the backslash of an escape */
  char *ret_why;
  size_t why_bytes;
};

/* ---- numbers in JSON ---- */

static size_t skip_digits(const char **text) {
  size_t count = strspn(*text, DIGITS);
  *text += count;
  return count;
}

/* Returns whether the text is a number by the grammar of RFC 8259, section
 * 6. */
static bool is_json_number(const char *text) {
  if (*text == '-')
    text++;
  bool begins_with_zero = *text == '0';
  size_t whole = skip_digits(&text);
  if (whole == 0 || (whole > 1 && begins_with_zero))
    return false;
  if (*text == '.') {
    text++;
    if (skip_digits(&text) == 0)
      return false;
  }
  if (*text == 'e' || *text == 'E') {
    text++;
    text += *text == '+' || *text == '-';
    if (skip_digits(&text) == 0)
      return false;
  }
  return *text == '\0';
}

/* ---- parsing ---- */

static int fault(struct parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fault(struct parser *p, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(p->ret_why, p->why_bytes, format, arguments);
  va_end(arguments);
  return -EINVAL;
}

static struct piece *last_piece(const struct parser *p) {
  return p->t->piece_count == 0 ? NULL : &p->t->pieces[p->t->piece_count - 1];
}

static struct piece *add_piece(struct parser *p, enum field field) {
  struct piece *piece = &p->t->pieces[p->t->piece_count++];
  *piece = (struct piece){.field = field, .text = p->texts_end};
  return piece;
}

static void add_literal_byte(struct parser *p, char byte) {
  struct piece *piece = last_piece(p);
  if (piece == NULL || piece->field != FIELD_LITERAL)
    piece = add_piece(p, FIELD_LITERAL);
  *p->texts_end++ = byte;
  piece->size++;
}

/* Follows only where strings begin and end. The caller of template_parse checks
 * that the whole text is JSON. */
static void follow_json_string(struct parser *p, char byte) {
  if (p->is_escaped)
    p->is_escaped = false;
  else if (byte == '\\')
    p->is_escaped = true;
  else if (byte == '"')
    p->in_string = !p->in_string;
}

static int fault_joined(struct parser *p) {
  return fault(p, "a field outside a JSON string must be a whole value, with "
                  "nothing joined to it");
}

static int parse_byte(struct parser *p, char byte) {
  const struct piece *last = last_piece(p);
  if (last != NULL && last->is_bare && strchr(",]} \t\r\n", byte) == NULL)
    return fault_joined(p);
  if (p->t->format == TEMPLATE_JSON)
    follow_json_string(p, byte);
  add_literal_byte(p, byte);
  return 0;
}

/* Copies the beginning of a wrong name, as much as the log shows of it. */
static void show_name(const char *name, size_t size,
                      char ret_shown[static SHOWN_NAME_BYTES]) {
  size_t shown = 0;
  while (shown < size && shown + 1 < SHOWN_NAME_BYTES &&
         isprint((unsigned char)name[shown])) {
    ret_shown[shown] = name[shown];
    shown++;
  }
  ret_shown[shown] = '\0';
}

static int fault_unknown_field(struct parser *p, const char *name,
                               size_t size) {
  char shown[SHOWN_NAME_BYTES];
  show_name(name, size, shown);
  struct nearest nearest = {.word = shown};
  char known[FIELD_COUNT * (FIELD_NAME_BYTES + 1)] = "";
  for (size_t f = 0, used = 0; f < FIELD_COUNT; f++) {
    nearest_try(&nearest, field_names[f]);
    used += (size_t)snprintf(known + used, sizeof(known) - used, " %s",
                             field_names[f]);
  }
  if (nearest.best != NULL)
    return fault(p, "unknown field %%{%s}, did you mean %%{%s}?", shown,
                 nearest.best);
  return fault(p, "unknown field %%{%s}: must be one of%s", shown, known);
}

static bool has_meta_prefix(const char *name, size_t size) {
  return size >= strlen(META_PREFIX) &&
         memcmp(name, META_PREFIX, strlen(META_PREFIX)) == 0;
}

/* The text between %{ and its }: a name, and perhaps | and a default. */
struct hole {
  const char *name;
  size_t name_size;
  const char *fallback; /* NULL: none */
  size_t fallback_size;
  size_t size;
};

static struct hole split_hole(const char *text, size_t size) {
  const char *bar = memchr(text, '|', size);
  if (bar == NULL)
    return (struct hole){.name = text, .name_size = size, .size = size};
  return (struct hole){.name = text,
                       .name_size = (size_t)(bar - text),
                       .fallback = bar + 1,
                       .fallback_size = (size_t)(text + size - bar - 1),
                       .size = size};
}

/* Returns the field of that name, or -EINVAL after a fault. */
static int parse_field(struct parser *p, const char *name, size_t size) {
  bool has_prefix = has_meta_prefix(name, size);
  if (size == 0 || (has_prefix && size == strlen(META_PREFIX)))
    return fault(p, "%%{%.*s} without a name", (int)size, name);
  if (has_prefix)
    return FIELD_META;
  for (int f = 0; f < FIELD_META; f++) {
    if (strlen(field_names[f]) == size &&
        memcmp(field_names[f], name, size) == 0)
      return f;
  }
  return fault_unknown_field(p, name, size);
}

/* Returns whether a hole that becomes a JSON value may follow the last piece. A
 * hole must not be a part of a longer token: -%{value} would be --5 for a value
 * of -5. */
static bool may_begin_value(const struct piece *last) {
  return last == NULL || (last->field == FIELD_LITERAL &&
                          strchr(":[, \t\r\n", last->text[last->size - 1]));
}

/* Appends a text with a NUL behind it to the template's texts. */
static char *keep_text(struct parser *p, const char *text, size_t size) {
  char *kept = p->texts_end;
  memcpy(kept, text, size);
  kept[size] = '\0';
  p->texts_end += size + 1;
  return kept;
}

/* Returns whether the field may stand outside a JSON string, where it must be a
 * JSON value for every event. */
static bool may_be_bare(enum field field) {
  return field == FIELD_EPOCH || field == FIELD_VALUE || field == FIELD_META;
}

static bool is_bare_default(const struct hole *h) {
  static const char *const words[] = {"true", "false", "null"};
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
    if (strlen(words[i]) == h->fallback_size &&
        memcmp(words[i], h->fallback, h->fallback_size) == 0)
      return true;
  char text[64];
  if (h->fallback_size >= sizeof(text))
    return false;
  memcpy(text, h->fallback, h->fallback_size);
  text[h->fallback_size] = '\0';
  return is_json_number(text);
}

static int check_bare(struct parser *p, enum field field,
                      const struct hole *h) {
  char shown[SHOWN_NAME_BYTES];
  show_name(h->name, h->size, shown);
  if (!may_be_bare(field))
    return fault(p,
                 "%%{%s} is a text outside the quotes of JSON: must be "
                 "\"%%{%s}\" (within the quotes of an option: "
                 "\\\"%%{%s}\\\")",
                 shown, shown, shown);
  if (h->fallback != NULL && !is_bare_default(h))
    return fault(p,
                 "%%{%s}: a default outside the quotes of JSON must be a "
                 "number, true, false or null",
                 shown);
  return may_begin_value(last_piece(p)) ? 0 : fault_joined(p);
}

static int add_hole(struct parser *p, enum field field, const struct hole *h) {
  bool is_bare = p->t->format == TEMPLATE_JSON && !p->in_string;
  int error = is_bare ? check_bare(p, field, h) : 0;
  if (error != 0)
    return error;
  if (p->t->format == TEMPLATE_DEVICE &&
      (field == FIELD_DEVICE || field == FIELD_DEVICE_ID))
    return fault(p, "%%{%s} is not known while the device is looked for",
                 field_names[field]);

  struct piece *piece = add_piece(p, field);
  piece->is_bare = is_bare;
  if (field == FIELD_META)
    piece->text = keep_text(p, h->name, h->name_size);
  if (h->fallback != NULL)
    piece->fallback = keep_text(p, h->fallback, h->fallback_size);
  return 0;
}

/* Parses the %% or the hole at *text, and moves *text behind it. */
static int parse_percent(struct parser *p, const char **text, const char *end) {
  const char *at = *text + 1;
  if (at < end && *at == '%') {
    *text = at + 1;
    return parse_byte(p, '%');
  }
  if (at == end || *at != '{')
    return fault(p, "a lone %%: must be %%%% for a percent sign, or begin a "
                    "field such as %%{host}");
  const char *name = at + 1;
  const char *close = memchr(name, '}', (size_t)(end - name));
  if (close == NULL)
    return fault(p, "%%{ without its }");
  const struct hole h = split_hole(name, (size_t)(close - name));
  int field = parse_field(p, h.name, h.name_size);
  if (field < 0)
    return field;
  *text = close + 1;
  return add_hole(p, (enum field)field, &h);
}

static int parse_text(struct parser *p, const char *text, const char *end) {
  int error = 0;
  while (text < end && error == 0) {
    if (*text == '%')
      error = parse_percent(p, &text, end);
    else
      error = parse_byte(p, *text++);
  }
  return error;
}

static int hex_digit(char digit) {
  static const char digits[] = "0123456789abcdef";
  const char *found = memchr(digits, tolower((unsigned char)digit), 16);
  return found == NULL ? -1 : (int)(found - digits);
}

static int parse_hex(struct parser *p, const char *text, const char *end) {
  for (const char *at = text; at < end; at++) {
    if (isspace((unsigned char)*at))
      continue;
    int high = hex_digit(*at);
    int low = ++at < end ? hex_digit(*at) : -1;
    if (high < 0 || low < 0)
      return fault(p, "not hexadecimal at byte %zu: must be pairs of 0-9 a-f",
                   (size_t)(at - text));
    add_literal_byte(p, (char)(high << 4 | low));
  }
  return 0;
}

static int parse_base64(struct parser *p, const char *text, const char *end) {
  struct base64 b = {0};
  char bytes[3];
  for (const char *at = text; at < end; at++) {
    if (isspace((unsigned char)*at))
      continue;
    int count = base64_take(&b, *at, bytes);
    if (count < 0)
      return fault(p,
                   "not base64 at byte %zu: must be A-Z a-z 0-9 + / and = "
                   "at the end",
                   (size_t)(at - text) + 1);
    for (int i = 0; i < count; i++)
      add_literal_byte(p, bytes[i]);
  }
  return base64_may_end(&b) ? 0
                            : fault(p, "base64 ends too early: = is missing");
}

/* Returns an upper bound of the number of pieces: each hole begins with a
 * percent sign, and has at most one literal on each side. */
static size_t count_pieces_at_most(const char *text, size_t size) {
  size_t percents = 0;
  for (size_t i = 0; i < size; i++)
    percents += text[i] == '%';
  return 2 * percents + 1;
}

static struct template *template_new(const char *text, size_t size,
                                     enum template_format format) {
  struct template *t = calloc(1, sizeof(*t) + size);
  if (t == NULL)
    return NULL;
  t->format = format;
  t->pieces = calloc(count_pieces_at_most(text, size), sizeof(*t->pieces));
  if (t->pieces == NULL) {
    free(t);
    return NULL;
  }
  return t;
}

int template_parse(const char *text, size_t size, enum template_format format,
                   struct template **ret_template, char *ret_why,
                   size_t why_bytes) {
  struct template *t = template_new(text, size, format);
  if (t == NULL)
    return -ENOMEM;
  struct parser p = {.t = t,
                     .texts_end = t->texts,
                     .ret_why = ret_why,
                     .why_bytes = why_bytes};
  const char *end = text + size;
  int error = format == TEMPLATE_HEX      ? parse_hex(&p, text, end)
              : format == TEMPLATE_BASE64 ? parse_base64(&p, text, end)
                                          : parse_text(&p, text, end);
  if (error != 0) {
    template_free(t);
    return error;
  }
  *ret_template = t;
  return 0;
}

void template_free(struct template *t) {
  if (t != NULL)
    free(t->pieces);
  free(t);
}

bool template_is_fixed(const struct template *t) {
  for (size_t i = 0; i < t->piece_count; i++) {
    if (t->pieces[i].field != FIELD_LITERAL)
      return false;
  }
  return true;
}

const char *template_beginning(const struct template *t, size_t *ret_size) {
  const struct piece *first = t->pieces;
  const bool is_literal = t->piece_count > 0 && first->field == FIELD_LITERAL;
  *ret_size = is_literal ? first->size : 0;
  return is_literal ? first->text : "";
}

size_t template_literal_bytes(const struct template *t) {
  size_t bytes = 0;
  for (size_t i = 0; i < t->piece_count; i++)
    if (t->pieces[i].field == FIELD_LITERAL)
      bytes += t->pieces[i].size;
  return bytes;
}

/* ---- rendering ---- */

/* Writes the digits of a whole number. Returns how many. */
static int write_digits(uint64_t number, char ret_digits[static 18]) {
  char reversed[20];
  int count = 0;
  do
    reversed[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  for (int i = count; i > 0; i--)
    *ret_digits++ = reversed[i - 1];
  *ret_digits = '\0';
  return count;
}

/* Does the same as find_digits, by arithmetic alone, if value is a decimal
 * number with few digits; else returns false. No two numbers of so few digits
 * have the same double, and dividing by a power of ten rounds to the double
 * that reading the number gives. */
static bool find_decimal(double value, char ret_digits[static 18],
                         int *ret_exponent) {
  double power = 1;
  for (int places = 0; places <= PLACES_MAX; places++, power *= 10) {
    double scaled = value * power + 0.5;
    if (scaled >= DECIMAL_MAX)
      return false;
    uint64_t number = (uint64_t)scaled;
    if ((double)number / power == value) {
      *ret_exponent = write_digits(number, ret_digits) - 1 - places;
      return true;
    }
  }
  return false;
}

/* Writes the fewest digits that read back as value, which is finite and not
 * negative. Returns the power of ten of the first digit. */
static int find_digits(double value, char ret_digits[static 18]) {
  char text[64];
  for (int precision = 0; precision < 17; precision++) {
    snprintf(text, sizeof(text), "%.*e", precision, value);
    if (strtod(text, NULL) == value)
      break;
  }
  /* The locale decides about the decimal point: every byte that is no digit is
   * skipped. */
  const char *at = text;
  for (; *at != 'e'; at++) {
    if (*at >= '0' && *at <= '9')
      *ret_digits++ = *at;
  }
  *ret_digits = '\0';
  return (int)strtol(at + 1, NULL, 10);
}

static int append_zeros(struct buf *out, int count) {
  while (count-- > 0)
    buf_append_byte(out, '0');
  return out->error;
}

int template_append_number(struct buf *out, double value) {
  if (isnan(value))
    return buf_append_text(out, "nan");
  if (signbit(value))
    buf_append_byte(out, '-');
  if (isinf(value))
    return buf_append_text(out, "inf");

  char digits[18];
  int exponent;
  value = fabs(value);
  if (!find_decimal(value, digits, &exponent))
    exponent = find_digits(value, digits);
  if (exponent < 0) {
    buf_append_text(out, "0.");
    append_zeros(out, -exponent - 1);
    return buf_append_text(out, digits);
  }
  int count = (int)strlen(digits);
  int whole = exponent + 1;
  if (count > whole) {
    buf_append(out, digits, (size_t)whole);
    buf_append_byte(out, '.');
    return buf_append_text(out, digits + whole);
  }
  buf_append_text(out, digits);
  return append_zeros(out, whole - count);
}

static int append_time(struct buf *out, int64_t wall_ms) {
  time_t wall_s = (time_t)(wall_ms / 1000);
  int ms = (int)(wall_ms % 1000);
  if (ms < 0) {
    ms += 1000;
    wall_s--;
  }
  struct tm utc;
  gmtime_r(&wall_s, &utc);
  buf_append_format(out, "%04ld-%02d-%02dT%02d:%02d:%02d", utc.tm_year + 1900L,
                    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                    utc.tm_sec);
  if (ms != 0)
    buf_append_format(out, ".%03d", ms);
  return buf_append_byte(out, 'Z');
}

/* Returns a field that is stored as text, or NULL if it is not. */
static const char *find_text(enum field field, const struct event *event,
                             const struct template_names *names) {
  switch (field) {
  case FIELD_HOST:
    return event->host;
  case FIELD_PLUGIN:
    return event->plugin;
  case FIELD_PLUGIN_INSTANCE:
    return event->plugin_instance;
  case FIELD_TYPE:
    return event->type;
  case FIELD_TYPE_INSTANCE:
    return event->type_instance;
  case FIELD_DATA_SOURCE:
    return event->data_source;
  case FIELD_SEVERITY:
    return event_severity_name(event->severity);
  case FIELD_MESSAGE:
    return event->message;
  case FIELD_RULE:
    return names->rule;
  case FIELD_DEVICE:
    return names->device;
  case FIELD_DEVICE_ID:
    return names->device_id;
  default:
    return NULL;
  }
}

static int append_meta(struct buf *out, const struct event *event,
                       const struct piece *piece) {
  const char *name = piece->text + strlen(META_PREFIX);
  int error = event->find_meta == NULL
                  ? -ENOENT
                  : event->find_meta(event->meta, name, out);
  return error == -ENOENT ? -ENODATA : error;
}

/* Appends the field without any escaping. Returns -ENODATA if the event lacks
 * it. */
static int append_field(struct buf *out, const struct piece *piece,
                        const struct event *event,
                        const struct template_names *names) {
  switch (piece->field) {
  case FIELD_TIME:
    return append_time(out, event->wall_time_ms);
  case FIELD_EPOCH:
    return template_append_number(out, (double)event->wall_time_ms / 1000);
  case FIELD_VALUE:
    return event->has_value && !isnan(event->value)
               ? template_append_number(out, event->value)
               : -ENODATA;
  case FIELD_META:
    return append_meta(out, event, piece);
  default: {
    const char *text = find_text(piece->field, event, names);
    return text == NULL ? 0 : buf_append_text(out, text);
  }
  }
}

/* Appends a field, escaped as its place in the template requires. */
static int append_placed(struct buf *out, const struct template *t,
                         const struct piece *piece, const char *text,
                         size_t size) {
  if (piece->is_bare)
    return buf_append(out, text, size);
  if (t->format == TEMPLATE_JSON)
    return buf_append_json(out, text, size);
  return buf_append_utf8(out, text, size);
}

/* Appends the rendering of one hole. `field` is an empty buffer to work in. */
static int render_hole(const struct template *t, const struct piece *piece,
                       const struct event *event,
                       const struct template_names *names, struct buf *field,
                       struct buf *out) {
  int error = append_field(field, piece, event, names);
  if (error == 0 && piece->is_bare && !is_json_number(buf_text(field)))
    error = -ENODATA;
  bool is_lacking = error == -ENODATA || (error == 0 && field->size == 0);
  if (is_lacking && piece->fallback != NULL)
    return append_placed(out, t, piece, piece->fallback,
                         strlen(piece->fallback));
  return error != 0
             ? error
             : append_placed(out, t, piece, buf_text(field), field->size);
}

static const char *name_of_field(const struct piece *piece) {
  return piece->field == FIELD_META ? piece->text : field_names[piece->field];
}

bool template_needs(const struct template *t, const char *field) {
  for (size_t i = 0; i < t->piece_count; i++) {
    const struct piece *piece = &t->pieces[i];
    if (piece->field != FIELD_LITERAL && piece->fallback == NULL &&
        strcmp(name_of_field(piece), field) == 0)
      return true;
  }
  return false;
}

int template_render(const struct template *t, const struct event *event,
                    const struct template_names *names, struct buf *out,
                    const char **ret_lacking) {
  struct buf field;
  buf_init(&field, FIELD_MAX_BYTES);
  int error = 0;
  /* A rendering that is too large goes on, since the event may lack a later
   * field. */
  for (size_t i = 0; i < t->piece_count && (error == 0 || error == -E2BIG);
       i++) {
    const struct piece *piece = &t->pieces[i];
    buf_clear(&field);
    int status = piece->field == FIELD_LITERAL
                     ? buf_append(out, piece->text, piece->size)
                     : render_hole(t, piece, event, names, &field, out);
    if (status == -ENODATA)
      *ret_lacking = name_of_field(piece);
    if (status != 0)
      error = status;
  }
  buf_free(&field);
  return error;
}

int template_render_sample(const struct template *t, struct buf *out) {
  for (size_t i = 0; i < t->piece_count; i++) {
    const struct piece *piece = &t->pieces[i];
    if (piece->field == FIELD_LITERAL)
      buf_append(out, piece->text, piece->size);
    else
      buf_append_byte(out, piece->is_bare ? '0' : 'x');
  }
  return out->error;
}
