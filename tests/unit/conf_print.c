/* SPDX-License-Identifier: MIT */
#include "conf_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_text(FILE *out, const char *text) {
  fputs(" \"", out);
  for (; *text != '\0'; text++) {
    if (*text == '"' || *text == '\\')
      fputc('\\', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

/* The language has no word for infinity, but numbers that come to it; and none
 * with an exponent that has no point. */
static void print_number(FILE *out, double number) {
  if (isinf(number))
    fputs(number > 0 ? " 1.0e+999" : " -1.0e+999", out);
  else if (number == floor(number) && fabs(number) < 1e15)
    fprintf(out, " %.0f", number);
  else
    fprintf(out, " %.17e", number);
}

static void print_value(FILE *out, const oconfig_value_t *v) {
  if (v->type == OCONFIG_TYPE_STRING)
    print_text(out, v->value.string);
  else if (v->type == OCONFIG_TYPE_NUMBER)
    print_number(out, v->value.number);
  else
    fputs(v->value.boolean ? " true" : " false", out);
}

static void print_head(FILE *out, const oconfig_item_t *item) {
  fputs(item->key, out);
  for (int i = 0; i < item->values_num; i++)
    print_value(out, &item->values[i]);
}

static void print_children(FILE *out, const oconfig_item_t *item) {
  for (int i = 0; i < item->children_num; i++) {
    const oconfig_item_t *child = &item->children[i];
    if (child->children_num > 0)
      fputc('<', out);
    print_head(out, child);
    if (child->children_num > 0) {
      fputs(">\n", out);
      print_children(out, child);
      fprintf(out, "</%s>", child->key);
    }
    fputc('\n', out);
  }
}

char *conf_print(const oconfig_item_t *root) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (out == NULL)
    return NULL;
  print_children(out, root);
  if (fclose(out) == 0)
    return text;
  free(text);
  return NULL;
}
