/* SPDX-License-Identifier: MIT
 *
 * template owns text with %{field} holes: parsed and checked once, at
 * configuration time, then immutable and rendered from any thread.
 *
 * Fields: host plugin plugin_instance type type_instance data_source severity
 * message time epoch value rule device device_id meta:NAME; %% is a percent
 * sign. Invalid UTF-8 in a field becomes U+FFFD. Numbers are printed with the
 * fewest digits that read back exactly and without an exponent.
 *
 * An event lacks a field if it carries no value, or NaN, or no meta data of
 * that name; outside a JSON string also if the field is no number. Other fields
 * are never lacking, but may be empty. %{FIELD|DEFAULT} renders the default if
 * the field is lacking or empty.
 */
#ifndef ONENET_TEMPLATE_H
#define ONENET_TEMPLATE_H

#include "base/buf.h"
#include "words/event.h"

#include <stdbool.h>
#include <stddef.h>

enum template_format {
  TEMPLATE_TEXT,
  TEMPLATE_JSON, /* holes inside strings are escaped; those outside are numbers:
                    epoch, value or meta:NAME, with a default that is a number,
                    true, false or null */
  TEMPLATE_HEX,  /* no holes; decoded when parsed, rendered as bytes */
  TEMPLATE_BASE64, /* no holes; likewise: standard alphabet, padded, white space
                      skipped */
  TEMPLATE_DEVICE  /* like text, without %{device} and %{device_id} */
};

/* The fields that do not come from an event. Borrowed; NULL is rendered as
 * "". */
struct template_names {
  const char *rule;
  const char *device;
  const char *device_id;
};

struct template;

/* Parses size bytes of text (borrowed). On success returns 0 and writes a
 * template that the caller owns. Returns -EINVAL and writes what is wrong and
 * what is allowed to ret_why ("unknown field %{valeu}, did you mean
 * %{value}?"), one line without the text itself; -ENOMEM. The caller checks
 * with template_render_sample that a JSON body as a whole is JSON. */
int template_parse(const char *text, size_t size, enum template_format format,
                   struct template **ret_template, char *ret_why,
                   size_t why_bytes);

/* Frees a template; NULL is allowed. */
void template_free(struct template *t);

/* Returns whether the template has no holes, so that each rendering is the
 * same. */
bool template_is_fixed(const struct template *t);

/* Returns the text before the first hole, and writes its size; borrowed. */
const char *template_beginning(const struct template *t, size_t *ret_size);

/* Returns how many bytes all text outside the holes has. */
size_t template_literal_bytes(const struct template *t);

/* Returns whether the template has that field ("value", "meta:rack") without a
 * default, so that an event which lacks it can not be rendered. */
bool template_needs(const struct template *t, const char *field);

/* Appends the rendering to out. Returns 0; -ENODATA if the event lacks a field
 * that has no default, even if the rendering is too large as well, and writes
 * the field's name ("value", "meta:rack"; owned by the template) to
 * ret_lacking; or as buf_append. After an error out holds a part of the
 * rendering. */
int template_render(const struct template *t, const struct event *event,
                    const struct template_names *names, struct buf *out,
                    const char **ret_lacking);

/* Appends a sample of a rendering: 0 for each hole outside the strings of a
 * JSON body, x for each other hole. The sample of a JSON body must be JSON.
 * Returns as buf_append. */
int template_render_sample(const struct template *t, struct buf *out);

/* Appends value with the fewest digits that read back as the same value, never
 * with an exponent; or "nan", "inf", "-inf". Returns as buf_append. */
int template_append_number(struct buf *out, double value);

#endif
