/* SPDX-License-Identifier: MIT */
#include "config_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORD_CHARACTERS                                                        \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
#define NUMBER_CHARACTERS "+-.0123456789"

static const char *skip_blanks(const char *at) {
  return at + strspn(at, " \t");
}

static char *take_word(const char **at, const char *characters) {
  size_t size = strspn(*at, characters);
  if (size == 0)
    fail_msg("no word at: %.40s", *at);
  char *word = strndup(*at, size);
  assert_non_null(word);
  *at = skip_blanks(*at + size);
  return word;
}

/* A backslash stands for the character behind it, whatever that is. */
static char *take_quoted(const char **at) {
  char *text = calloc(1, strlen(*at) + 1);
  assert_non_null(text);
  size_t size = 0;
  const char *c = *at + 1;
  for (; *c != '"'; c++) {
    c += *c == '\\';
    if (*c == '\0')
      fail_msg("no end of: %.40s", *at);
    text[size++] = *c;
  }
  *at = skip_blanks(c + 1);
  return text;
}

static bool is_one_of(const char *word, const char *a, const char *b,
                      const char *c) {
  return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

static oconfig_value_t take_value(const char **at) {
  oconfig_value_t value = {.type = OCONFIG_TYPE_STRING};
  if (**at == '"') {
    value.value.string = take_quoted(at);
    return value;
  }
  char *word = take_word(at, NUMBER_CHARACTERS WORD_CHARACTERS);
  if (strspn(word, NUMBER_CHARACTERS) == strlen(word)) {
    value.type = OCONFIG_TYPE_NUMBER;
    value.value.number = strtod(word, NULL);
  } else if (is_one_of(word, "true", "yes", "on")) {
    value.type = OCONFIG_TYPE_BOOLEAN;
    value.value.boolean = 1;
  } else if (is_one_of(word, "false", "no", "off")) {
    value.type = OCONFIG_TYPE_BOOLEAN;
  } else {
    value.value.string = word;
    return value;
  }
  free(word);
  return value;
}

static void take_values(const char **at, oconfig_item_t *item) {
  while (strchr("\n#>", **at) == NULL) { /* finds the NUL at the end, too */
    size_t count = (size_t)item->values_num + 1;
    item->values = realloc(item->values, count * sizeof(*item->values));
    assert_non_null(item->values);
    item->values[item->values_num++] = take_value(at);
  }
}

static oconfig_item_t *add_child(oconfig_item_t *parent) {
  size_t count = (size_t)parent->children_num + 1;
  parent->children =
      realloc(parent->children, count * sizeof(*parent->children));
  assert_non_null(parent->children);
  oconfig_item_t *child = &parent->children[parent->children_num++];
  *child = (oconfig_item_t){.key = NULL};
  return child;
}

static void take_lines(const char **at, oconfig_item_t *parent);

static void take_item(const char **at, oconfig_item_t *item) {
  bool is_block = **at == '<';
  *at = skip_blanks(*at + is_block);
  item->key = take_word(at, WORD_CHARACTERS);
  take_values(at, item);
  if (!is_block)
    return;
  *at += **at == '>';
  take_lines(at, item);
  size_t size = strlen(item->key);
  if (strncmp(*at, "</", 2) != 0 || strncmp(*at + 2, item->key, size) != 0 ||
      (*at)[size + 2] != '>')
    fail_msg("%s is not closed at: %.40s", item->key, *at);
  *at += size + 3;
}

/* Takes lines up to the end of the parent's block, or of the text. */
static void take_lines(const char **at, oconfig_item_t *parent) {
  for (;;) {
    *at += strspn(*at, " \t\n");
    if (**at == '\0' || strncmp(*at, "</", 2) == 0)
      return;
    if (**at == '#')
      *at += strcspn(*at, "\n");
    else
      take_item(at, add_child(parent));
  }
}

oconfig_item_t *config_text_parse(const char *text) {
  oconfig_item_t *root = calloc(1, sizeof(*root));
  assert_non_null(root);
  take_lines(&text, root);
  assert_string_equal(text, "");
  return root;
}

static void free_item(oconfig_item_t *item) {
  for (int i = 0; i < item->children_num; i++)
    free_item(&item->children[i]);
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type == OCONFIG_TYPE_STRING)
      free(item->values[i].value.string);
  free(item->children);
  free(item->values);
  free(item->key);
}

void config_text_free(oconfig_item_t *root) {
  if (root != NULL)
    free_item(root);
  free(root);
}
