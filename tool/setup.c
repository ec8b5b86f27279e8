/* SPDX-License-Identifier: MIT */
/* STAND-IN until the branch `check` is merged. */
#include "setup.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define _CMOCKA_H_STANDIN
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), exit(1))
#define assert_non_null(p) ((p) == NULL ? abort() : (void)0)
#define assert_string_equal(a, b) (strcmp(a, b) != 0 ? (fprintf(stderr, "rest: %.60s\n", a), exit(1)) : (void)0)
#define config_text_parse standin_parse
#define config_text_free standin_free
oconfig_item_t *config_text_parse(const char *text);
void config_text_free(oconfig_item_t *root);
#define ONENET_CONFIG_TEXT_H
#define CMOCKA_H_
#include "standin_conf.inc"

static oconfig_item_t *root;
static void tell(void *c, const char *line) { (void)c; fprintf(stderr, "onenetctl: %s\n", line); }
int setup_read(const struct tool *tool, struct setup *s) {
  static char text[1 << 20];
  FILE *f = fopen(tool->conf_path, "r");
  const char *base = ".";
  s->conf = NULL; s->options = NULL;
  if (f == NULL) { fprintf(stderr, "onenetctl: %s: %s\n", tool->conf_path, strerror(errno)); return -errno; }
  text[fread(text, 1, sizeof text - 1, f)] = 0; fclose(f);
  root = standin_parse(text);
  for (int i = 0; i < root->children_num; i++)
    if (strcasecmp(root->children[i].key, "BaseDir") == 0) base = root->children[i].values[0].value.string;
  for (int i = 0; i < root->children_num; i++) {
    oconfig_item_t *c = &root->children[i];
    if (strcasecmp(c->key, "Plugin") == 0 && strcmp(c->values[0].value.string, "onenet") == 0)
      return options_read(c, base, OPTIONS_FOR_CHECK, tell, NULL, &s->options);
  }
  return -ENOENT;
}
void setup_free(struct setup *s) { options_free(s->options); standin_free(root); root = NULL; }
