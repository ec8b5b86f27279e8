/* SPDX-License-Identifier: MIT */
#include "options_fixture.h"

#include "conf_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct options_fixture fixture;

static void append_line(char *lines, size_t bytes, const char *line) {
  size_t used = strlen(lines);
  snprintf(lines + used, bytes - used, "%s%s", used == 0 ? "" : "\n", line);
}

static void keep_remark(void *context, const struct options_remark *remark) {
  struct options_fixture *f = context;
  assert_non_null(remark->item);
  if (remark->level == OPTIONS_FAULT)
    append_line(f->faults, sizeof(f->faults), remark->line);
  else if (remark->level == OPTIONS_SKIPPED)
    append_line(f->skipped, sizeof(f->skipped), remark->line);
  else
    append_line(f->warnings, sizeof(f->warnings), remark->line);
}

void options_fixture_write(struct options_fixture *f, const char *name,
                           const char *bytes, size_t size, unsigned int mode) {
  char path[256];
  snprintf(path, sizeof(path), "%s/%s", f->directory, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(chmod(path, mode), 0);
}

int options_fixture_set_up(void **state) {
  static const char *const files[][2] = {
      {"key", "k3y\n"},
      {"access", "Y29sbGVjdGQtb25lbmV0LXVuaXQtdGVzdC1rZXktMDE=\n"},
      {"ca.pem", "x"},
      {"client.pem", "x"},
      {"client.key", "x"},
      {"empty", ""},
      {"body", "on"},
      {"okay.json", "{\"fan\":\"off\"}\n"}};
  fixture = (struct options_fixture){.directory = "/tmp/test_options.XXXXXX"};
  *state = &fixture;
  unsetenv("CREDENTIALS_DIRECTORY");
  if (mkdtemp(fixture.directory) == NULL)
    return -1;
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
    options_fixture_write(&fixture, files[i][0], files[i][1],
                          strlen(files[i][1]), 0600);
  return 0;
}

int options_fixture_tear_down(void **state) {
  struct options_fixture *f = *state;
  options_free(f->options);
  DIR *directory = opendir(f->directory);
  assert_non_null(directory);
  for (struct dirent *e = readdir(directory); e != NULL; e = readdir(directory))
    if (unlinkat(dirfd(directory), e->d_name, 0) != 0)
      unlinkat(dirfd(directory), e->d_name, AT_REMOVEDIR);
  closedir(directory);
  return rmdir(f->directory);
}

char *options_fixture_expand(const struct options_fixture *f,
                             const char *text) {
  char *expanded = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&expanded, &size);
  assert_non_null(out);
  for (; *text != '\0'; text++) {
    if (strncmp(text, "$DIR", 4) == 0) {
      fputs(f->directory, out);
      text += 3;
    } else {
      fputc(*text == '\'' ? '"' : *text, out);
    }
  }
  assert_int_equal(fclose(out), 0);
  return expanded;
}

static const oconfig_item_t *find_block(const oconfig_item_t *root) {
  for (int i = 0; i < root->children_num; i++) {
    const oconfig_item_t *item = &root->children[i];
    if (strcmp(item->key, "Plugin") == 0 &&
        strcmp(item->values[0].value.string, "onenet") == 0)
      return item;
  }
  fail_msg("no <Plugin onenet>");
  return NULL;
}

static void fail_note(void *context, enum conf_level level, const char *path,
                      int line, const char *text) {
  (void)context;
  (void)level;
  fail_msg("%s:%d: %s", path, line, text);
}

int options_fixture_read_all(struct options_fixture *f,
                             const char *configuration) {
  struct conf_file *conf;
  assert_int_equal(
      conf_file_read_text("conf", configuration, fail_note, NULL, &conf), 0);
  options_free(f->options);
  f->options = NULL;
  f->faults[0] = f->warnings[0] = f->skipped[0] = '\0';
  int status = options_read(find_block(conf_file_root(conf)), f->directory,
                            f->purpose, keep_remark, f, &f->options);
  conf_file_free(conf);
  return status;
}

int options_fixture_read(struct options_fixture *f, const char *lines) {
  char *text = options_fixture_expand(f, lines);
  char *configuration = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&configuration, &size);
  assert_non_null(out);
  fprintf(out, "<Plugin onenet>\n%s\n</Plugin>\n", text);
  assert_int_equal(fclose(out), 0);
  int status = options_fixture_read_all(f, configuration);
  free(configuration);
  free(text);
  return status;
}

void options_fixture_check(struct options_fixture *f,
                           const struct fault_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char *faults = options_fixture_expand(f, cases[i].faults);
    int status = options_fixture_read(f, cases[i].lines);
    if (status != -EINVAL || f->options != NULL ||
        strcmp(f->faults, faults) != 0)
      fail_msg("%s\n  gave %d: %s\n  not: %s", cases[i].lines, status,
               f->faults, faults);
    assert_null(strstr(f->faults, "s3cret"));
    free(faults);
  }
}

/* ---- configurations that are right ---- */

const struct options *read_lines(struct options_fixture *f, const char *lines) {
  int status = options_fixture_read(f, lines);
  assert_string_equal(f->faults, "");
  assert_int_equal(status, 0);
  assert_non_null(f->options);
  return f->options;
}

void assert_expands_to(const struct options_fixture *f, const char *actual,
                       const char *expected) {
  char *text = options_fixture_expand(f, expected);
  assert_string_equal(actual, text);
  free(text);
}

struct fired {
  size_t count;
  char text[4096]; /* "RULE DEVICE CONTENT-TYPE BODY", one a line */
};

static void keep_firing(void *context, struct firing *firing) {
  struct fired *fired = context;
  size_t used = strlen(fired->text);
  snprintf(fired->text + used, sizeof(fired->text) - used, "%s %s %s %.*s\n",
           firing->policy->rule, firing->device->name,
           firing->policy->content_type,
           firing->body == NULL ? 0 : (int)firing->body->size,
           firing->body == NULL ? "" : firing->body->data);
  fired->count++;
  firing_free(firing);
}

static void pass_over(void *context, enum ignored reason,
                      const struct device *device, const char *detail) {
  (void)context;
  (void)reason;
  (void)device;
  (void)detail;
}

static void pass_match(void *context, const struct policy *policy) {
  (void)context;
  (void)policy;
}

static void pass_lack(void *context, const struct rule_lack *lack) {
  (void)context;
  (void)lack;
}

static void lose_nothing(void *context, const struct policy *policy,
                         const struct device *device) {
  (void)context;
  (void)device;
  fail_msg("rule %s lost a command", policy->rule);
}

const struct event HOT = {.source = EVENT_NOTIFICATION,
                          .severity = SEVERITY_FAILURE,
                          .host = "rack7",
                          .plugin = "sensors",
                          .plugin_instance = "0",
                          .type = "temperature",
                          .type_instance = "",
                          .data_source = "value",
                          .message = "too hot",
                          .has_value = true,
                          .value = 41.5};

void assert_fires(const struct options *o, const struct event *event,
                  const char *expected) {
  struct fired fired = {.count = 0};
  struct rule_callbacks sink = {.match = pass_match,
                                .fire = keep_firing,
                                .ignore = pass_over,
                                .lack = pass_lack,
                                .lose = lose_nothing,
                                .context = &fired};
  assert_int_equal(
      rule_book_fire(o->rules, event, (struct moment){1, 1}, &sink), 0);
  assert_string_equal(fired.text, expected);
}
