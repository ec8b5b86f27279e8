/* SPDX-License-Identifier: MIT
 *
 * act owns the commands that give orders: send, retry, cancel and silence. What
 * can be checked here is checked before the order is written; the agent decides
 * over the rest. Then it is told what came of the order, and what to look at
 * next.
 */
#include "arguments.h"
#include "body_text.h"
#include "book.h"
#include "listing.h"
#include "rows.h"
#include "setup.h"
#include "tool.h"

#include "base/nearest.h"
#include "base/systime.h"
#include "cloud/api.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPIRE_MAX_S (INT64_C(365) * 86400)
#define SILENCE_MAX_S (INT64_C(3650) * 86400)
#define SERVICE_MAX_BYTES 128
#define COMMENT_MAX_BYTES 500

/* What is asked for on the command line; NULL: not given. */
struct ask {
  const struct tool *tool;
  const char *device, *rule;
  const char *format, *service, *expire;
  const char *length, *comment;
  bool is_forced;
  bool is_not_awaited;
  char **words; /* besides the options */
  int word_count;
};

/* ---- the command line ---- */

enum { DEVICE, RULE, FORMAT, SERVICE, EXPIRE, LENGTH, COMMENT, FORCE, NO_WAIT };

#define VALUE(name, option)                                                    \
  { name, required_argument, NULL, option }
#define FLAG(name, option)                                                     \
  { name, no_argument, NULL, option }
#define NO_WAIT_AND_NO_MORE                                                    \
  FLAG("no-wait", NO_WAIT), { NULL, 0, NULL, 0 }

/* Returns where the value of the option goes, or NULL. */
static const char **value_of(struct ask *a, int option) {
  const char **const values[] = {
      [DEVICE] = &a->device,   [RULE] = &a->rule,     [FORMAT] = &a->format,
      [SERVICE] = &a->service, [EXPIRE] = &a->expire, [LENGTH] = &a->length,
      [COMMENT] = &a->comment};
  return option >= DEVICE && option <= COMMENT ? values[option] : NULL;
}

/* Returns whether the option that getopt_long has just read is written out. It
 * takes the beginning of a name, too: --for is --force to it. */
static bool is_whole(char **argv, const char *name) {
  return strcmp(argv[optind - 1], name) == 0;
}

static int read_option(struct ask *a, int option, char **argv) {
  const char **value = value_of(a, option);
  if (value != NULL)
    *value = optarg;
  else if (option == FORCE && is_whole(argv, "--force"))
    a->is_forced = true;
  else if (option == NO_WAIT)
    a->is_not_awaited = true;
  else
    return arguments_refuse(argv, option);
  return TOOL_OK;
}

/* Reads the options, and min to max words besides them. */
static int read_line(struct ask *a, const struct option *options, int argc,
                     char **argv, int min, int max, const char *words) {
  int option, status = TOOL_OK;
  opterr = 0;
  while (status == TOOL_OK &&
         (option = getopt_long(argc, argv, ":", options, NULL)) != -1)
    status = read_option(a, option, argv);
  if (status == TOOL_OK)
    status = arguments_count(argc, argv, min, max, words);
  a->words = argv + optind;
  a->word_count = argc - optind;
  return status;
}

/* ---- what came of an order ---- */

/* Writes the beginning of a command line, with the same -C as this one. */
static void tell_next(const struct ask *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell_next(const struct ask *a, const char *format, ...) {
  va_list arguments;
  fputs("; see onenetctl ", stdout);
  if (a->tool->is_conf_given)
    printf("-C %s ", a->tool->conf_path);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
}

static void tell_send(const struct ask *a, const struct order *asked,
                      const struct order *ended) {
  printf("command %lld is made for device \"%s\"", (long long)ended->result_id,
         asked->device_name);
  tell_next(a, "history --device %s", asked->device_name);
}

static void tell_retry(const struct ask *a, const struct order *asked,
                       const struct order *ended) {
  if (ended->result_id != 0 && ended->result_id != asked->command_id)
    printf("command %lld is made again, as command %lld",
           (long long)asked->command_id, (long long)ended->result_id);
  else
    printf("command %lld is tried now", (long long)asked->command_id);
  tell_next(a, "history");
}

static void tell_cancel(const struct ask *a, const struct order *asked,
                        const struct order *ended) {
  printf("%llu command%s cancelled", (unsigned long long)ended->count,
         ended->count == 1 ? " is" : "s are");
  if (asked->device_name == NULL)
    tell_next(a, "history");
  else
    tell_next(a,
              "pending --device %s (what is in flight can not be called "
              "back)",
              asked->device_name);
}

static void tell_silence(const struct ask *a, const struct order *asked,
                         const struct order *ended) {
  char until[LISTING_TIME_BYTES];
  bool is_device = asked->device_name != NULL;
  (void)ended;
  printf("%s \"%s\" ", is_device ? "device" : "rule",
         is_device ? asked->device_name : asked->rule_name);
  listing_format_time((double)asked->wall_until_ms / 1000, until);
  if (asked->wall_until_ms <= asked->wall_given_ms)
    fputs("is silent no more", stdout);
  else
    printf("is silent until %s", until);
  tell_next(a, "orders");
}

static void (*const tellers[])(const struct ask *, const struct order *,
                               const struct order *) = {
    [ORDER_SEND] = tell_send,
    [ORDER_RETRY] = tell_retry,
    [ORDER_CANCEL] = tell_cancel,
    [ORDER_SILENCE] = tell_silence};

/* Says what came of an order that the agent has looked at. */
static int tell_end(const struct ask *a, const struct order *asked,
                    const struct order *ended) {
  if (ended->state == ORDER_REFUSED)
    return tool_fail(TOOL_WRONG, "order %lld is refused: %s",
                     (long long)ended->id, ended->why);
  if (a->tool->is_json)
    return TOOL_OK;
  printf("order %lld: ", (long long)ended->id);
  tellers[asked->verb](a, asked, ended);
  return TOOL_OK;
}

static int tell_untold(const struct ask *a, int64_t id, pid_t agent) {
  if (agent != 0 && !a->is_not_awaited)
    return tool_fail(TOOL_WRONG,
                     "order %lld stands in the ledger, and the agent (process "
                     "%ld) has not looked at it within %d s: see its log, and "
                     "onenetctl orders",
                     (long long)id, (long)agent, BOOK_WAIT_MS / 1000);
  if (a->tool->is_json)
    return TOOL_OK;
  printf("order %lld is given", (long long)id);
  if (agent == 0)
    printf(". No agent runs with this ledger: it is obeyed when collectd "
           "starts (an expiry counts from now)");
  tell_next(a, "orders");
  return TOOL_OK;
}

/* With --json the order's row is told, whatever became of it. */
static int show_row(struct book *b, int64_t id) {
  struct buf out;
  const struct rows_value values[] = {ROWS_NUMBER(":id", (double)id), ROWS_END};
  buf_init(&out, LISTING_MAX_BYTES);
  if (rows_append(b, true, "SELECT * FROM orders WHERE id = :id", values,
                  &out) >= 0)
    return rows_write(&out);
  buf_free(&out);
  return TOOL_WRONG;
}

/* ---- giving ---- */

/* The agent may end while it is waited for. */
static int await(const struct ask *a, struct book *b, const char *ledger_path,
                 const struct order *o, int64_t id) {
  struct order *ended = NULL;
  int status = a->is_not_awaited ? -ETIMEDOUT : book_await(b, id, &ended);
  if (status == -ETIMEDOUT)
    status = tell_untold(a, id, book_agent(ledger_path));
  else if (status == 0)
    status = tell_end(a, o, ended);
  order_free(ended);
  return status < 0 ? TOOL_WRONG : status;
}

static int give(const struct ask *a, const char *ledger_path,
                const struct order *o) {
  struct book *b;
  int64_t id;
  if (book_open(ledger_path, BOOK_TO_ORDER, &b) < 0)
    return TOOL_WRONG;
  int status = book_give(b, o, &id) < 0 ? TOOL_WRONG : TOOL_OK;
  if (status == TOOL_OK) {
    status = await(a, b, ledger_path, o, id);
    if (a->tool->is_json && show_row(b, id) != TOOL_OK)
      status = TOOL_WRONG;
  }
  book_close(b);
  return status;
}

/* Fills in an order. Returns an exit status, and has written why it is not
 * TOOL_OK. */
typedef int fill_fn(const struct ask *a, const struct options *options,
                    struct order *o);

static char *copy(const char *text) {
  return text != NULL ? strdup(text) : NULL;
}

static int give_order(const struct ask *a, const struct setup *s,
                      enum order_verb verb, fill_fn *fill) {
  if (s->options->dry_run)
    return tool_fail(TOOL_WRONG, "DryRun is true: the agent sends nothing, and "
                                 "takes no orders; set it to false, and "
                                 "restart collectd");
  struct order *o = order_new();
  if (o == NULL)
    return tool_fail(TOOL_WRONG, "out of memory");
  o->verb = verb;
  o->wall_given_ms = systime_ms(CLOCK_REALTIME);
  o->is_forced = a->is_forced;
  int status = fill(a, s->options, o);
  if (status == TOOL_OK)
    status = give(a, s->options->ledger_path, o);
  order_free(o);
  return status;
}

static int act(const struct ask *a, enum order_verb verb, fill_fn *fill) {
  struct setup setup;
  if (setup_read(a->tool, &setup) < 0)
    return TOOL_WRONG;
  int status = give_order(a, &setup, verb, fill);
  setup_free(&setup);
  return status;
}

/* ---- names ---- */

static int refuse_name(const char *what, const struct nearest *n) {
  char hint[NEAREST_HINT_BYTES];
  nearest_write_hint(n, hint);
  return tool_fail(TOOL_WRONG, "the configuration has no %s \"%s\"%s%s", what,
                   n->word, hint, *hint == '\0' ? ": see onenetctl names" : "");
}

/* Writes the device of that name, and its name into the order. */
static int fill_device(const char *name, const struct options *options,
                       struct order *o, const struct device **ret_device) {
  const struct directory *d = options->directory;
  struct nearest nearest = {.word = name};
  *ret_device = directory_find_device(d, name);
  if (*ret_device != NULL) {
    o->device_name = copy((*ret_device)->name);
    return TOOL_OK;
  }
  for (size_t i = 0; i < directory_device_count(d); i++)
    nearest_try(&nearest, directory_device(d, i)->name);
  return refuse_name("device", &nearest);
}

static int fill_rule(const char *name, const struct options *options,
                     struct order *o) {
  const struct rule_book *rules = options->rules;
  struct nearest nearest = {.word = name};
  const struct rule *rule = rule_book_find(rules, name);
  if (rule != NULL) {
    o->rule_name = copy(rule_name(rule));
    return TOOL_OK;
  }
  for (size_t i = 0; i < rule_book_count(rules); i++)
    nearest_try(&nearest, rule_name(rule_book_rule(rules, i)));
  return refuse_name("rule", &nearest);
}

/* ---- send ---- */

static int read_stdin(struct buf *out) {
  char part[4096];
  size_t size;
  while ((size = fread(part, 1, sizeof part, stdin)) > 0)
    if (buf_append(out, part, size) < 0)
      return tool_fail(TOOL_WRONG,
                       "stdin holds more than a body may have: %d "
                       "bytes at most",
                       COMMAND_BODY_MAX_BYTES);
  return ferror(stdin) ? tool_fail(TOOL_WRONG, "stdin can not be read")
                       : TOOL_OK;
}

/* Reads the body as it is written. */
static int read_source(const char *word, struct buf *out) {
  if (strcmp(word, "-") == 0)
    return read_stdin(out);
  return buf_append_text(out, word) == 0
             ? TOOL_OK
             : tool_fail(TOOL_WRONG, "BODY is too long");
}

/* Checks the bytes by what the endpoint of the device takes. */
static int check_body(const struct device *d, const struct buf *body) {
  char why[BODY_TEXT_WHY_BYTES];
  if (api_check_body(d->endpoint->api, body->data, body->size, why,
                     sizeof why) == 0)
    return TOOL_OK;
  return tool_fail(TOOL_WRONG, "BODY for API \"%s\" %s", d->endpoint->api->name,
                   why);
}

static int fill_bytes(enum body_format format, const struct device *d,
                      const struct buf *source, struct order *o) {
  char why[BODY_TEXT_WHY_BYTES] = "out of memory";
  struct buf body;
  buf_init(&body, BODY_TEXT_MAX_BYTES);
  int status =
      body_text_read(format, buf_text(source), source->size, &body, why) < 0
          ? tool_fail(TOOL_WRONG, "BODY can not be sent: %s", why)
          : check_body(d, &body);
  if (status == TOOL_OK)
    o->body = body_new(body.data, body.size);
  buf_free(&body);
  return status;
}

/* Returns the format that was asked for; if none was, the one that the
 * endpoint's interface takes. */
static int find_format(const struct ask *a, const struct device *d,
                       enum body_format *ret_format) {
  *ret_format = d->endpoint->api->takes_object ? BODY_JSON : BODY_TEXT;
  if (a->format == NULL || body_format_parse(a->format, ret_format) == 0)
    return TOOL_OK;
  return tool_fail(TOOL_USAGE, "--format %s: must be text, json, hex or base64",
                   a->format);
}

static int fill_body(const struct ask *a, const struct device *d,
                     struct order *o) {
  enum body_format format;
  struct buf source;
  int status = find_format(a, d, &format);
  if (status != TOOL_OK)
    return status;
  buf_init(&source, BODY_TEXT_MAX_BYTES);
  status = read_source(a->words[1], &source);
  if (status == TOOL_OK)
    status = fill_bytes(format, d, &source, o);
  buf_free(&source);
  o->content_type = copy(body_format_content_type(format));
  return status;
}

static int fill_service(const struct ask *a, const struct device *d,
                        struct order *o) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789_.-";
  const struct endpoint *e = d->endpoint;
  if (e->api->takes_service != (a->service != NULL))
    return tool_fail(TOOL_WRONG,
                     "endpoint \"%s\" of device \"%s\" has API \"%s\": %s",
                     e->name, d->name, e->api->name,
                     a->service == NULL ? "say which service, with --service ID"
                                        : "it takes no --service");
  if (a->service != NULL &&
      (strspn(a->service, allowed) != strlen(a->service) ||
       strlen(a->service) - 1 >= SERVICE_MAX_BYTES))
    return tool_fail(TOOL_USAGE,
                     "--service %s: must be 1 to %d characters of "
                     "[A-Za-z0-9_.-]",
                     a->service, SERVICE_MAX_BYTES);
  o->service = copy(a->service);
  return TOOL_OK;
}

static int fill_expire(const struct ask *a, struct order *o) {
  int64_t seconds = 0;
  if (a->expire == NULL)
    return TOOL_OK;
  if (strcmp(a->expire, "0") != 0 &&
      arguments_length("--expire", a->expire, EXPIRE_MAX_S, &seconds) !=
          TOOL_OK)
    return TOOL_USAGE;
  o->expire_s = (int)seconds;
  return TOOL_OK;
}

static int fill_send(const struct ask *a, const struct options *options,
                     struct order *o) {
  const struct device *d;
  int status = fill_device(a->words[0], options, o, &d);
  if (status == TOOL_OK)
    status = fill_expire(a, o);
  if (status == TOOL_OK)
    status = fill_service(a, d, o);
  return status == TOOL_OK ? fill_body(a, d, o) : status;
}

int send_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {
      VALUE("format", FORMAT), VALUE("expire", EXPIRE),
      VALUE("service", SERVICE), NO_WAIT_AND_NO_MORE};
  struct ask a = {.tool = tool};
  int status = read_line(&a, options, argc, argv, 2, 2, "DEVICE BODY");
  return status == TOOL_OK ? act(&a, ORDER_SEND, fill_send) : status;
}

/* ---- retry and cancel ---- */

static int fill_id(const struct ask *a, const struct options *options,
                   struct order *o) {
  (void)options;
  return arguments_number("ID", a->words[0], INT64_MAX, &o->command_id);
}

int retry_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {FLAG("force", FORCE),
                                          NO_WAIT_AND_NO_MORE};
  struct ask a = {.tool = tool};
  int status = read_line(&a, options, argc, argv, 1, 1, "ID");
  return status == TOOL_OK ? act(&a, ORDER_RETRY, fill_id) : status;
}

static int fill_cancel(const struct ask *a, const struct options *options,
                       struct order *o) {
  const struct device *d;
  return a->device != NULL ? fill_device(a->device, options, o, &d)
                           : fill_id(a, options, o);
}

int cancel_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {VALUE("device", DEVICE),
                                          NO_WAIT_AND_NO_MORE};
  struct ask a = {.tool = tool};
  int status = read_line(&a, options, argc, argv, 0, 1, "ID or --device NAME");
  if (status == TOOL_OK && (a.device != NULL) == (a.word_count == 1))
    status = tool_fail(TOOL_USAGE, "cancel takes one of ID and --device NAME: "
                                   "see onenetctl cancel --help");
  return status == TOOL_OK ? act(&a, ORDER_CANCEL, fill_cancel) : status;
}

/* ---- silence ---- */

static int fill_silence(const struct ask *a, const struct options *options,
                        struct order *o) {
  const struct device *d;
  int64_t seconds;
  int status = arguments_length("--for", a->length, SILENCE_MAX_S, &seconds);
  if (status != TOOL_OK)
    return status;
  o->wall_until_ms = o->wall_given_ms + 1000 * seconds;
  o->comment = copy(a->comment);
  return a->device != NULL ? fill_device(a->device, options, o, &d)
                           : fill_rule(a->rule, options, o);
}

static int check_silence(const struct ask *a) {
  if ((a->device != NULL) == (a->rule != NULL))
    return tool_fail(TOOL_USAGE, "silence takes one of --device NAME and "
                                 "--rule NAME: see onenetctl silence --help");
  if (a->length == NULL)
    return tool_fail(TOOL_USAGE, "silence needs --for, as in --for 2h; --for "
                                 "0s ends one");
  if (a->comment != NULL && (strlen(a->comment) > COMMENT_MAX_BYTES ||
                             !buf_is_utf8(a->comment, strlen(a->comment))))
    return tool_fail(TOOL_USAGE,
                     "--comment: must be valid UTF-8 of %d bytes at most",
                     COMMENT_MAX_BYTES);
  return TOOL_OK;
}

int silence_run(const struct tool *tool, int argc, char **argv) {
  static const struct option options[] = {
      VALUE("device", DEVICE), VALUE("rule", RULE), VALUE("for", LENGTH),
      VALUE("comment", COMMENT), NO_WAIT_AND_NO_MORE};
  struct ask a = {.tool = tool};
  int status = read_line(&a, options, argc, argv, 0, 0, "");
  if (status == TOOL_OK)
    status = check_silence(&a);
  return status == TOOL_OK ? act(&a, ORDER_SILENCE, fill_silence) : status;
}
