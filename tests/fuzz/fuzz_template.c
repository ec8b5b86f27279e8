/* SPDX-License-Identifier: MIT
 *
 * fuzz_template owns the fuzz target of templates: every JSON body that the
 * configuration takes renders to valid JSON, whatever the event; every other
 * one to valid UTF-8, unless its own text is not; bytes, written in hexadecimal
 * and read again, are the same; and so are numbers.
 *
 * The input is a list of texts, each with a NUL at its end: the template, whose
 * first byte chooses the format, host, message, meta data, value and time.
 */
#include "base/json.h"
#include "fuzz.h"
#include "strict_json.h"
#include "words/template.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_BYTES (1 << 20)
#define DEPTH_MAX 64
#define WHY_BYTES 1024

/* ---- the event ---- */

struct texts {
  const char *at, *end;
};

/* Returns the next text; "" behind the last one. */
static const char *take_text(struct texts *t) {
  const char *text = t->at;
  if (text >= t->end)
    return "";
  t->at += strlen(text) + 1;
  return text;
}

static int find_meta(const void *meta, const char *name, struct buf *out) {
  return strcmp(name, "rack") == 0 ? buf_append_text(out, meta) : -ENOENT;
}

static struct event take_event(struct texts *t) {
  struct event e = {.source = EVENT_NOTIFICATION,
                    .severity = SEVERITY_FAILURE,
                    .plugin = "sensors",
                    .type = "temperature",
                    .data_source = "value",
                    .find_meta = find_meta};
  e.host = take_text(t);
  e.plugin_instance = e.type_instance = e.host;
  e.message = take_text(t);
  e.meta = take_text(t);
  const char *value = take_text(t);
  e.has_value = *value != '\0';
  e.value = strtod(value, NULL);
  e.wall_time_ms = strtoll(take_text(t), NULL, 10) % 253402300800000;
  return e;
}

/* ---- what must hold ---- */

static void check_number(double value) {
  struct buf text;
  buf_init(&text, 4096);
  template_append_number(&text, value);
  must(text.error == 0);
  if (isnan(value))
    must(strcmp(text.data, "nan") == 0);
  else
    must(strtod(text.data, NULL) == value && strchr(text.data, 'e') == NULL);
  buf_free(&text);
}

/* Returns whether the configuration takes the template as a body. */
static bool is_body(const struct template *t, enum template_format format) {
  char why[WHY_BYTES];
  struct buf sample;
  buf_init(&sample, OUT_BYTES);
  int status = template_render_sample(t, &sample);
  if (status == 0 && format == TEMPLATE_JSON)
    status = json_read(buf_text(&sample), sample.size, DEPTH_MAX, NULL, NULL,
                       why, sizeof why);
  buf_free(&sample);
  return status == 0;
}

static void check_rendered(const struct buf *out, enum template_format format,
                           bool is_text) {
  if (format == TEMPLATE_JSON)
    must(strict_json_read(buf_text(out), out->size, "").is_valid);
  else
    must(!is_text || buf_is_utf8(buf_text(out), out->size));
}

static void check_body(const struct template *t, enum template_format format,
                       const struct event *event, bool is_text) {
  static const struct template_names names = {
      .rule = "overheat", .device = "fan", .device_id = "a\"b"};
  struct buf out;
  const char *lacking = NULL;
  buf_init(&out, OUT_BYTES);
  int status = template_render(t, event, &names, &out, &lacking);
  if (status == 0)
    check_rendered(&out, format, is_text);
  else
    must(status == -E2BIG || status == -ENOMEM ||
         (status == -ENODATA && template_needs(t, lacking)));
  must(status != 0 || out.size >= template_literal_bytes(t));
  buf_free(&out);
}

/* Bytes, written as hexadecimal and read again, are the same. */
static void check_hex(const struct template *t) {
  char why[WHY_BYTES];
  size_t size, again_size;
  const char *bytes = template_beginning(t, &size);
  struct template *again;
  struct buf text;
  buf_init(&text, OUT_BYTES);
  for (size_t i = 0; i < size; i++)
    buf_append_format(&text, "%02x ", (unsigned char)bytes[i]);
  must(template_is_fixed(t) && template_literal_bytes(t) == size);
  if (text.error == 0) {
    must(template_parse(buf_text(&text), text.size, TEMPLATE_HEX, &again, why,
                        sizeof why) == 0);
    const char *read = template_beginning(again, &again_size);
    must(again_size == size && memcmp(read, bytes, size) == 0);
    template_free(again);
  }
  buf_free(&text);
}

static void check(const char *text, enum template_format format,
                  const struct event *event) {
  char why[WHY_BYTES] = "";
  struct template *t = NULL;
  int status = template_parse(text, strlen(text), format, &t, why, sizeof why);
  must(status == 0 || status == -ENOMEM ||
       (status == -EINVAL && why[0] != '\0' && strchr(why, '\n') == NULL));
  if (status == 0 && is_body(t, format))
    check_body(t, format, event,
               format != TEMPLATE_HEX && format != TEMPLATE_BASE64 &&
                   buf_is_utf8(text, strlen(text)));
  if (status == 0 && (format == TEMPLATE_HEX || format == TEMPLATE_BASE64))
    check_hex(t);
  template_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *input = copy_as_text(data, size);
  if (input == NULL)
    return 0;
  struct texts texts = {.at = input, .end = input + size};
  const char *template = take_text(&texts);
  const struct event event = take_event(&texts);
  check_number(event.value);
  if (*template != '\0')
    check(template + 1, (enum template_format)((unsigned char)*template % 5),
          &event);
  free(input);
  return 0;
}
