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
 * An event may lack a field: it carries no value, or no meta data of that name,
 * or outside a JSON string no number. Other texts are never lacking, but may be
 * empty. %{FIELD|DEFAULT} takes the default where the field is lacking or
 * empty.
 */
#ifndef ONENET_TEMPLATE_H
#define ONENET_TEMPLATE_H

#include "base/buf.h"
#include "words/event.h"

#include <stdbool.h>
#include <stddef.h>

enum template_format {
  TEMPLATE_TEXT,
  TEMPLATE_JSON,   /* holes in strings are escaped; others are numbers: epoch,
                      value or meta:NAME, with a default that is a number, true,
                      false or null */
  TEMPLATE_HEX,    /* no holes: decoded when parsed, sent as the bytes */
  TEMPLATE_BASE64, /* likewise; standard alphabet, padded, white space skipped
                    */
  TEMPLATE_DEVICE  /* as text, but %{device} and %{device_id} are not known yet
                    */
};

/* What an event does not know. Borrowed; NULL is rendered as nothing. */
struct template_names {
  const char *rule;
  const char *device;
  const char *device_id;
};

struct template;

/* Parses size bytes of text (borrowed). On success returns 0 and writes a
 * template that the caller owns. Returns -EINVAL and writes what is wrong and
 * what is allowed to ret_why ("unknown field %{valeu}, did you mean
 * %{value}?"), one line without the text itself; -ENOMEM. Whether a JSON body
 * parses as a whole is for the caller to check, with template_render_sample. */
int template_parse(const char *text, size_t size, enum template_format format,
                   struct template **ret_template, char *ret_why,
                   size_t why_bytes);

/* Frees it; NULL is allowed. */
void template_free(struct template *t);

/* Whether it has no holes: each rendering is the same. */
bool template_is_fixed(const struct template *t);

/* Appends the rendering to out. Returns 0; -ENODATA if the event lacks a field
 * that has no default, whatever its size would be, with the field's name
 * ("value", "meta:rack"; the template's) in ret_lacking and out in pieces; or
 * as buf_append. */
int template_render(const struct template *t, const struct event *event,
                    const struct template_names *names, struct buf *out,
                    const char **ret_lacking);

/* Appends the template with "x" in each hole inside a JSON string and 0 in each
 * other: what a JSON parser must be able to read. Returns as buf_append. */
int template_render_sample(const struct template *t, struct buf *out);

/* Appends value with the fewest digits that read back exactly, never with an
 * exponent; "nan", "inf", "-inf". Returns as buf_append. */
int template_append_number(struct buf *out, double value);

#endif
