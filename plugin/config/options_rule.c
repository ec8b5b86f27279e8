/* SPDX-License-Identifier: MIT */
#include "config/options_rule.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/nearest.h"
#include "cloud/api.h"
#include "config/options_value.h"
#include "config/rule.h"
#include "words/order.h"
#include "words/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WHY_BYTES 256
#define SECONDS_MAX 2678400
#define YEAR_S 31536000
#define BODY_FILE_MAX_BYTES (1 << 20) /* far above any body */

/* The stages in which the options are read, whatever their order in the block:
 * Source is needed to make the rule, and Format and the endpoints of the
 * devices to read the bodies. */
enum stage { STAGE_SOURCE, STAGE_SETTINGS, STAGE_PARTS, STAGE_BODIES };

struct rule_block {
  struct rule *rule;
  struct policy policy;
  int source; /* enum event_source */
  int format; /* enum template_format */
  char *content_type;
  char *service;
  bool *is_named;     /* by index of the device: a Device option names it */
  bool *is_commanded; /* by index of the endpoint: the rule certainly commands a
                         device of it */
  bool finds_others;  /* the rule may command devices of further endpoints,
                         which are not known now */
  bool has_body[RULE_BODY_COUNT]; /* given, whether right or wrong */
};

/* Keeps the status of reading a part: 0; -EINVAL as a fault that says why;
 * -ENOMEM as a lack of memory. */
static void keep_status(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item, int status,
                        const char *why) {
  if (status == -EINVAL)
    options_block_fault(b, o, item, "%s", why);
  else if (status != 0)
    b->reader->out_of_memory = true;
}

/* ---- patterns ---- */

/* Returns whether a text without slashes was perhaps meant as a regular
 * expression. Names in collectd hardly ever hold these characters; messages
 * do. */
static bool looks_like_regex(const struct options_option *o, const char *text) {
  return o->argument != RULE_MESSAGE && text[0] != '/' &&
         strpbrk(text, "^$*|") != NULL;
}

static void read_pattern(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item) {
  struct rule_block *rb = b->target;
  const char *text = options_value_text(b, o, item);
  if (text == NULL)
    return;
  char why[WHY_BYTES] = "";
  int status = rule_add_pattern(rb->rule, (enum rule_field)o->argument, text,
                                why, sizeof(why));
  if (status == -EINVAL)
    options_block_fault(b, o, item,
                        "must be a regular expression between its slashes: %s",
                        why);
  else
    keep_status(b, o, item, status, why);
  if (status == 0 && looks_like_regex(o, text))
    options_block_warn(b, item,
                       "%s \"%s\" is compared as it stands: a regular "
                       "expression is written between slashes, \"/%s/\"",
                       o->name, text, text);
}

/* ---- devices ---- */

static const struct device *find_device_id(const struct directory *d,
                                           const char *device_id) {
  for (size_t i = 0; i < directory_device_count(d); i++)
    if (strcmp(directory_device(d, i)->device_id, device_id) == 0)
      return directory_device(d, i);
  return NULL;
}

static void fault_no_device(struct options_block *b,
                            const struct options_option *o,
                            const oconfig_item_t *item, const char *name) {
  const struct directory *d = b->reader->options->directory;
  struct nearest nearest = {.word = name};
  for (size_t i = 0; i < directory_device_count(d); i++)
    nearest_try(&nearest, directory_device(d, i)->name);
  char hint[NEAREST_HINT_BYTES];
  nearest_write_hint(&nearest, hint);
  const struct device *same = find_device_id(d, name);
  if (b->reader->options->skipped_lines > 0)
    /* A skipped line may hold the device: the rule itself may be right. */
    options_block_skip(b, o, item,
                       "no such device%s; it may be on a line of a DeviceFile "
                       "that is skipped: until that is mended, this rule does "
                       "without it",
                       hint);
  else if (same != NULL)
    options_block_fault(b, o, item,
                        "no such device: it is the DeviceID of \"%s\", whose "
                        "name must be given",
                        same->name);
  else if (strpbrk(name, "%$") != NULL)
    options_block_fault(
        b, o, item, "no such device: a field is written as in \"%%{host}\"");
  else
    options_block_fault(b, o, item, "no such device%s", hint);
}

/* Returns whether Expire is longer than the timeout: a command would wait
 * longer than OneNET would keep it. */
static bool outlives(const struct policy *p, int timeout_s) {
  return p->expire_s != POLICY_DEFAULT && timeout_s > 0 &&
         (p->expire_s == 0 || p->expire_s > timeout_s);
}

/* Notes that a device of the endpoint is commanded. What goes with one whose
 * API is wrong can not be known. */
static void note_commanded(struct rule_block *rb, const struct endpoint *e) {
  if (e->api != NULL)
    rb->is_commanded[e->index] = true;
  else
    rb->finds_others = true;
}

static void add_device(struct options_block *b, const struct options_option *o,
                       const oconfig_item_t *item, const struct device *d) {
  struct rule_block *rb = b->target;
  if (rb->is_named[d->index]) {
    options_block_fault(b, o, item, "given more than once");
    return;
  }
  rb->is_named[d->index] = true;
  if (rb->policy.timeout_s == POLICY_DEFAULT &&
      outlives(&rb->policy, d->timeout_s))
    options_block_refuse(b, "Expire",
                         "must be 1..%d, the Timeout of device \"%s\"",
                         d->timeout_s, d->name);
  if (d->endpoint != NULL)
    note_commanded(rb, d->endpoint);
  keep_status(b, o, item, rule_add_device(rb->rule, d), "");
}

/* Notes that a template finds devices: of the only endpoint, or of whichever.
 */
static void note_template(struct options_block *b) {
  struct rule_block *rb = b->target;
  const struct directory *d = b->reader->options->directory;
  if (directory_endpoint_count(d) == 1)
    note_commanded(rb, directory_endpoint(d, 0));
  else
    rb->finds_others = true;
}

/* Returns whether an earlier option of the block has the same text. */
static bool is_repeated(const struct options_block *b,
                        const oconfig_item_t *item) {
  for (const oconfig_item_t *i = b->item->children; i < item; i++)
    if (strcasecmp(i->key, item->key) == 0 && i->values_num == 1 &&
        i->values[0].type == OCONFIG_TYPE_STRING &&
        strcmp(i->values[0].value.string, item->values[0].value.string) == 0)
      return true;
  return false;
}

static void add_device_template(struct options_block *b,
                                const struct options_option *o,
                                const oconfig_item_t *item, const char *text) {
  struct rule_block *rb = b->target;
  struct template *t = NULL;
  char why[WHY_BYTES] = "";
  if (is_repeated(b, item)) {
    options_block_fault(b, o, item, "given more than once");
    return;
  }
  int status =
      template_parse(text, strlen(text), TEMPLATE_DEVICE, &t, why, sizeof(why));
  if (status == 0)
    status = rule_add_device_template(rb->rule, t);
  if (status != 0)
    template_free(t);
  else
    note_template(b);
  keep_status(b, o, item, status, why);
}

static void read_device(struct options_block *b, const struct options_option *o,
                        const oconfig_item_t *item) {
  const char *text = options_value_text(b, o, item);
  if (text == NULL)
    return;
  if (strstr(text, "%{") != NULL) {
    add_device_template(b, o, item, text);
    return;
  }
  const struct device *d =
      directory_find_device(b->reader->options->directory, text);
  if (d != NULL)
    add_device(b, o, item, d);
  else
    fault_no_device(b, o, item, text);
}

/* ---- the endpoints of the devices ---- */

/* Returns the next endpoint of which a device is certainly commanded, or NULL.
 * *at is 0 at first. */
static const struct endpoint *next_endpoint(const struct options_block *b,
                                            size_t *at) {
  const struct rule_block *rb = b->target;
  const struct directory *d = b->reader->options->directory;
  while (*at < directory_endpoint_count(d)) {
    size_t index = (*at)++;
    if (rb->is_commanded[index])
      return directory_endpoint(d, index);
  }
  return NULL;
}

static void check_service(struct options_block *b) {
  const struct rule_block *rb = b->target;
  const struct endpoint *e, *taker = NULL;
  for (size_t at = 0; (e = next_endpoint(b, &at)) != NULL;)
    if (e->api->takes_service)
      taker = e;
  if (taker == NULL && !rb->finds_others)
    options_block_refuse(b, "Service",
                         "only goes with a device whose endpoint has API "
                         "\"call-service\"");
  else if (taker != NULL && options_block_find(b, "Service") == NULL)
    options_block_miss(b, "Service",
                       "the identifier of a service, for API \"call-service\"");
}

/* Keeps a fault for each setting that an endpoint of the devices does not
 * take. */
static void check_endpoints(struct options_block *b) {
  const struct rule_block *rb = b->target;
  const struct endpoint *e;
  check_service(b);
  for (size_t at = 0; (e = next_endpoint(b, &at)) != NULL;) {
    if (e->api->content_type != NULL)
      options_block_refuse(b, "ContentType",
                           "must be left out: endpoint \"%s\" has API \"%s\", "
                           "which sends %s",
                           e->name, e->api->name, e->api->content_type);
    if (e->api->is_answer && rb->policy.track)
      options_block_refuse(b, "Track",
                           "must be false: endpoint \"%s\" has API \"%s\", "
                           "whose answer comes from the device",
                           e->name, e->api->name);
  }
}

/* ---- bodies ---- */

/* Returns whether the body may be here: it fits Source, and is the only one of
 * its severity. Keeps a fault if not. */
static bool admit_body(struct options_block *b, const struct options_option *o,
                       const oconfig_item_t *item) {
  struct rule_block *rb = b->target;
  const char *name = rule_body_option((enum rule_body)o->argument);
  bool is_value = o->argument == RULE_ON_VALUE;
  bool is_second = rb->has_body[o->argument];
  rb->has_body[o->argument] = true;
  if (is_value != (rb->source == EVENT_VALUE))
    options_block_fault(b, o, item, "only goes with Source %s",
                        is_value ? "value" : "notification");
  else if (is_second)
    options_block_fault(b, o, item, "must be the only one of %s and %sFile",
                        name, name);
  else
    return true;
  return false;
}

/* Returns 0 if the interface takes the bodies of the template, as far as a
 * sample tells. A text that fields are put into may become anything, but for
 * what stands before them. Returns -EINVAL if not, and writes why; -ENOMEM. */
static int may_take(const struct api *api, enum template_format format,
                    const struct template *t, const struct buf *sample,
                    char why[static WHY_BYTES]) {
  size_t size;
  const char *beginning = template_beginning(t, &size);
  bool is_telling =
      template_is_fixed(t) || (format == TEMPLATE_JSON && api->takes_object);
  int status = is_telling ? api_check_body(api, buf_text(sample), sample->size,
                                           why, WHY_BYTES)
                          : 0;
  if (status < 0)
    return status;
  return api_check_beginning(api, beginning, size, template_literal_bytes(t),
                             why, WHY_BYTES)
             ? 0
             : -EINVAL;
}

/* Returns whether the endpoints of the devices take the bodies of the template.
 * Keeps a fault if not. */
static bool check_takers(struct options_block *b,
                         const struct options_option *o,
                         const oconfig_item_t *item, const struct template *t,
                         const struct buf *sample) {
  const struct rule_block *rb = b->target;
  const struct endpoint *e;
  char why[WHY_BYTES] = "";
  for (size_t at = 0; (e = next_endpoint(b, &at)) != NULL;) {
    int status =
        may_take(e->api, (enum template_format)rb->format, t, sample, why);
    if (status == -EINVAL)
      options_block_fault(b, o, item, "endpoint \"%s\" has API \"%s\": %s",
                          e->name, e->api->name, why);
    else if (status < 0)
      b->reader->out_of_memory = true;
    if (status < 0)
      return false;
  }
  return true;
}

/* Returns whether the bodies of the template can be sent, as far as a sample
 * tells. Keeps a fault if not. */
static bool check_body(struct options_block *b, const struct options_option *o,
                       const oconfig_item_t *item, const struct template *t,
                       const struct buf *sample) {
  const struct rule_block *rb = b->target;
  char why[WHY_BYTES] = "";
  if (template_is_fixed(t) &&
      (sample->size == 0 || sample->size > COMMAND_BODY_MAX_BYTES)) {
    options_block_fault(b, o, item, "must be 1..%d bytes, and is %zu",
                        COMMAND_BODY_MAX_BYTES, sample->size);
    return false;
  }
  int status = 0;
  if (rb->format == TEMPLATE_JSON)
    status = json_read(buf_text(sample), sample->size, API_BODY_MAX_DEPTH, NULL,
                       NULL, why, sizeof(why));
  keep_status(b, o, item, status, why);
  return status == 0 && check_takers(b, o, item, t, sample);
}

/* threshold says OKAY once when a value becomes NaN after a failure. */
static void warn_of_value(struct options_block *b,
                          const struct options_option *o,
                          const oconfig_item_t *item,
                          const struct template *t) {
  if (o->argument == RULE_ON_OKAY && template_needs(t, "value"))
    options_block_warn(
        b, item,
        "%s needs %%{value}: an OKAY whose value is not a "
        "number, as of a sensor that has failed, would make no "
        "command; give it a default, as in %%{value|0}, or leave "
        "it out",
        o->name);
}

static void set_body(struct options_block *b, const struct options_option *o,
                     const oconfig_item_t *item, const char *text,
                     size_t size) {
  const struct rule_block *rb = b->target;
  struct template *t = NULL;
  struct buf sample;
  char why[WHY_BYTES] = "";
  buf_init(&sample, size); /* a sample of a field is shorter than %{field} */
  int status = template_parse(text, size, (enum template_format)rb->format, &t,
                              why, sizeof(why));
  if (status == 0)
    status = template_render_sample(t, &sample);
  keep_status(b, o, item, status, why);
  if (status == 0 && check_body(b, o, item, t, &sample)) {
    warn_of_value(b, o, item, t);
    rule_set_body(rb->rule, (enum rule_body)o->argument, t);
  } else {
    template_free(t);
  }
  buf_free(&sample);
}

/* Returns whether the values are perhaps a JSON body whose inner quotes are
 * not escaped: collectd splits "{"fan":"on"}" into the values {, fan, :, on
 * and }. */
static bool is_json_in_parts(const oconfig_item_t *item) {
  const oconfig_value_t *first = item->values;
  return item->values_num > 1 && first->type == OCONFIG_TYPE_STRING &&
         strpbrk(first->value.string, "{[") != NULL;
}

static void read_body(struct options_block *b, const struct options_option *o,
                      const oconfig_item_t *item) {
  if (!admit_body(b, o, item))
    return;
  if (is_json_in_parts(item)) {
    options_block_fault(b, o, item,
                        "must be one text in quotes: put \\ before each inner "
                        "quote, as in %s \"{\\\"fan\\\":\\\"on\\\"}\"",
                        o->name);
    return;
  }
  const char *text = options_value_text(b, o, item);
  if (text != NULL)
    set_body(b, o, item, text, strlen(text));
}

/* Appends the whole file. Returns 0 or a negative errno. */
static int load(FILE *file, struct buf *out) {
  char chunk[4096];
  size_t size;
  while ((size = fread(chunk, 1, sizeof(chunk), file)) > 0) {
    int status = buf_append(out, chunk, size);
    if (status != 0)
      return status;
  }
  return ferror(file) ? -EIO : 0;
}

static void read_body_file(struct options_block *b,
                           const struct options_option *o,
                           const oconfig_item_t *item) {
  char *path = NULL;
  struct buf text;
  FILE *file =
      admit_body(b, o, item) ? options_value_open(b, o, item, &path) : NULL;
  if (file == NULL) {
    free(path);
    return;
  }
  buf_init(&text, BODY_FILE_MAX_BYTES);
  int status = load(file, &text);
  if (status == 0)
    set_body(b, o, item, buf_text(&text), text.size);
  else if (status == -ENOMEM)
    b->reader->out_of_memory = true;
  else if (status == -E2BIG)
    options_block_fault(b, o, item, "must be a file of at most %d bytes",
                        BODY_FILE_MAX_BYTES);
  else
    options_block_fault(b, o, item, "must be a file that can be read: %s: %s",
                        path, strerror(-status));
  buf_free(&text);
  fclose(file);
  free(path);
}

/* ---- the block ---- */

static const struct options_word SOURCES[] = {
    {"notification", EVENT_NOTIFICATION}, {"value", EVENT_VALUE}, {NULL, 0}};

static const struct options_word FORMATS[] = {{"text", TEMPLATE_TEXT},
                                              {"json", TEMPLATE_JSON},
                                              {"hex", TEMPLATE_HEX},
                                              {"base64", TEMPLATE_BASE64},
                                              {NULL, 0}};

static const char *const CONTENT_TYPES[] = {
    [TEMPLATE_TEXT] = "text/plain; charset=utf-8",
    [TEMPLATE_JSON] = "application/json",
    [TEMPLATE_HEX] = "application/octet-stream",
    [TEMPLATE_BASE64] = "application/octet-stream"};

static const struct options_word COMBINES[] = {
    {"worst", 0}, {"none", 1}, {NULL, 0}};
static const struct options_word OFFLINES[] = {
    {"refuse", 0}, {"retry", 1}, {NULL, 0}};
static const struct options_word UNKNOWNS[] = {
    {"never", 0}, {"retry", 1}, {NULL, 0}};
static const struct options_word FIRST_OKAYS[] = {
    {"ignore", FIRST_OKAY_IGNORE}, {"send", FIRST_OKAY_SEND}, {NULL, 0}};

/* Refuses the option Missing, which OnMissing has replaced. */
static void refuse_missing(struct options_block *b,
                           const struct options_option *o,
                           const oconfig_item_t *item) {
  options_block_fault(b, o, item,
                      "is not an option any more: leave it out, and missing "
                      "values change nothing; or write OnMissing \"...\", the "
                      "body that is sent for them");
}

#define AT(member) .offset = offsetof(struct rule_block, member)
#define SETTING(member) AT(member), .stage = STAGE_SETTINGS
#define SECONDS(member, most)                                                  \
  options_value_read_int, SETTING(policy.member), .min = 0, .max = (most)
#define CHOICE(member, of)                                                     \
  options_value_read_choice, SETTING(member), .words = (of)
#define BODY(which) .argument = (which), .stage = STAGE_BODIES
#define PART(field)                                                            \
  .argument = (field), .stage = STAGE_PARTS, .is_repeatable = true

const struct options_option options_rule_table[] = {
    {"Source", options_value_read_word, AT(source), .words = SOURCES},
    {"Host", read_pattern, PART(RULE_HOST)},
    {"Plugin", read_pattern, PART(RULE_PLUGIN)},
    {"PluginInstance", read_pattern, PART(RULE_PLUGIN_INSTANCE)},
    {"Type", read_pattern, PART(RULE_TYPE)},
    {"TypeInstance", read_pattern, PART(RULE_TYPE_INSTANCE)},
    {"DataSource", read_pattern, PART(RULE_DATA_SOURCE)},
    {"Message", read_pattern, PART(RULE_MESSAGE)},
    {"Device", read_device, PART(0)},
    {"OnFailure", read_body, BODY(RULE_ON_FAILURE)},
    {"OnWarning", read_body, BODY(RULE_ON_WARNING)},
    {"OnMissing", read_body, BODY(RULE_ON_MISSING)},
    {"OnOkay", read_body, BODY(RULE_ON_OKAY)},
    {"OnValue", read_body, BODY(RULE_ON_VALUE)},
    {"OnFailureFile", read_body_file, BODY(RULE_ON_FAILURE)},
    {"OnWarningFile", read_body_file, BODY(RULE_ON_WARNING)},
    {"OnMissingFile", read_body_file, BODY(RULE_ON_MISSING)},
    {"OnOkayFile", read_body_file, BODY(RULE_ON_OKAY)},
    {"OnValueFile", read_body_file, BODY(RULE_ON_VALUE)},
    {"Format", options_value_read_word, SETTING(format), .words = FORMATS},
    {"ContentType", options_value_read_line, SETTING(content_type)},
    {"Service", options_value_read_identifier, SETTING(service), .max = 128,
     .marks = "_.-"},
    {"Combine", CHOICE(policy.per_series, COMBINES)},
    {"ForgetAfter", SECONDS(forget_after_s, YEAR_S)},
    {"After", SECONDS(after_s, YEAR_S)},
    {"Until", SECONDS(until_s, YEAR_S)},
    {"Cooldown", SECONDS(cooldown_s, SECONDS_MAX)},
    {"Expire", SECONDS(expire_s, SECONDS_MAX)},
    {"Repeat", SECONDS(repeat_s, SECONDS_MAX)},
    {"Timeout", SECONDS(timeout_s, DEVICE_TIMEOUT_MAX_S)},
    {"Deadband", options_value_read_double, SETTING(policy.deadband)},
    {"Supersede", options_value_read_bool, SETTING(policy.supersede)},
    {"Track", options_value_read_bool, SETTING(policy.track)},
    {"OnOffline", CHOICE(policy.retry_offline, OFFLINES)},
    {"OnUnknown", CHOICE(policy.retry_unknown, UNKNOWNS)},
    {"FirstOkay", options_value_read_word, SETTING(policy.first_okay),
     .words = FIRST_OKAYS},
    {"Missing", refuse_missing, .stage = STAGE_SETTINGS},
    {.name = NULL}};

static const char *rule_taken(const struct options *options, const char *name) {
  if (strcasecmp(name, ORDER_RULE) == 0)
    return "what onenetctl sends by hand bears this name";
  return rule_book_find(options->rules, name) == NULL
             ? NULL
             : "a Rule has this name already";
}

/* Keeps a fault for each option that has no meaning with the rule's Source. */
static void check_source(struct options_block *b, const struct rule_block *rb) {
  static const char *const of_notifications[] = {"ForgetAfter", "FirstOkay",
                                                 "Message", "After", "Until"};
  if (rb->source != EVENT_VALUE) {
    options_block_refuse(b, "Deadband", "only goes with Source value");
    return;
  }
  for (size_t i = 0; i < sizeof(of_notifications) / sizeof(char *); i++)
    options_block_refuse(b, of_notifications[i],
                         "only goes with Source notification");
  if (!rb->policy.per_series)
    options_block_refuse(b, "Combine", "must be none with Source value");
}

static void read_settings(struct options_block *b, struct rule_block *rb) {
  rb->policy = *rule_policy(rb->rule);
  options_block_read(b, STAGE_SETTINGS);
  check_source(b, rb);
  if (outlives(&rb->policy, rb->policy.timeout_s))
    options_block_refuse(b, "Expire", "must be 1..%d, the Timeout",
                         rb->policy.timeout_s);
  if (rb->policy.until_s > 0 && rb->policy.until_s <= rb->policy.after_s)
    options_block_refuse(b, "Until", "must be more than %d, the After",
                         rb->policy.after_s);
  *rule_policy(rb->rule) = rb->policy;
  if (rule_set_content_type(rb->rule, rb->content_type != NULL
                                          ? rb->content_type
                                          : CONTENT_TYPES[rb->format]) != 0 ||
      (rb->service != NULL && rule_set_service(rb->rule, rb->service) != 0))
    b->reader->out_of_memory = true;
}

static void read_parts(struct options_block *b, const struct rule_block *rb) {
  options_block_read(b, STAGE_PARTS);
  check_endpoints(b);
  options_block_read(b, STAGE_BODIES);
  if (options_block_find(b, "Device") == NULL)
    options_block_miss(b, "Device", "the name of a device, or a template");
  if (rb->policy.until_s > 0 && !rb->has_body[RULE_ON_OKAY])
    options_block_refuse(b, "Until",
                         "needs OnOkay, the body that is sent then");
  for (size_t i = 0; i < RULE_BODY_COUNT; i++)
    if (rb->has_body[i])
      return;
  if (rb->source == EVENT_VALUE)
    options_block_miss(b, "OnValue", "a template");
  else
    options_block_miss(b, "OnFailure",
                       "a template, or OnWarning, OnMissing or OnOkay");
}

void options_rule_read(struct options_block *plugin,
                       const struct options_option *o,
                       const oconfig_item_t *item) {
  struct options_reader *r = plugin->reader;
  struct rule_block rb = {.source = EVENT_NOTIFICATION,
                          .format = TEMPLATE_TEXT};
  struct options_block b;
  options_block_begin(&b, r, item, o->name, options_rule_table);
  b.target = &rb;
  options_block_read_name(&b, rule_taken);
  options_block_read(&b, STAGE_SOURCE);
  rb.rule = options_reader_keep(r, rule_book_add(r->options->rules, b.name,
                                                 (enum event_source)rb.source));
  rb.is_named = options_reader_keep(
      r, calloc(directory_device_count(r->options->directory) + 1,
                sizeof(*rb.is_named)));
  rb.is_commanded = options_reader_keep(
      r, calloc(directory_endpoint_count(r->options->directory) + 1,
                sizeof(*rb.is_commanded)));
  if (rb.rule != NULL && rb.is_named != NULL && rb.is_commanded != NULL) {
    read_settings(&b, &rb);
    read_parts(&b, &rb);
  }
  free(rb.content_type);
  free(rb.service);
  free(rb.is_named);
  free(rb.is_commanded);
}
