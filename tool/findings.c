/* SPDX-License-Identifier: MIT */
#include "findings.h"

#include "base/one_line.h"
#include "listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_line(const char *text) {
  char *copy = strdup(text);
  if (copy != NULL)
    one_line_blank(copy, strlen(copy));
  return copy;
}

/* Returns the number of the file: that of an earlier finding, or the next one.
 */
static size_t number_of(const struct findings *f, const char *path) {
  size_t next = 0;
  for (size_t i = 0; i < f->count; i++) {
    if (strcmp(f->all[i].path, path) == 0)
      return f->all[i].file;
    if (f->all[i].file >= next)
      next = f->all[i].file + 1;
  }
  return next;
}

void findings_add(struct findings *f, bool is_fault, const char *path, int line,
                  const char *text) {
  struct finding *grown = realloc(f->all, (f->count + 1) * sizeof(*grown));
  if (grown != NULL)
    f->all = grown;
  struct finding one = {.path = copy_line(path),
                        .line = line,
                        .is_fault = is_fault,
                        .text = copy_line(text)};
  if (grown == NULL || one.path == NULL || one.text == NULL) {
    free(one.path);
    free(one.text);
    f->out_of_memory = true;
    return;
  }
  one.file = number_of(f, one.path);
  f->all[f->count++] = one;
  f->fault_count += is_fault;
}

bool findings_has_fault(const struct findings *f, const char *path) {
  for (size_t i = 0; i < f->count; i++)
    if (f->all[i].is_fault && strcmp(f->all[i].path, path) == 0)
      return true;
  return false;
}

/* ---- showing ---- */

static bool goes_behind(const struct finding *a, const struct finding *b) {
  return a->file > b->file || (a->file == b->file && a->line > b->line);
}

/* Keeps the order of findings of the same line. */
static void sort(struct findings *f) {
  for (size_t i = 1; i < f->count; i++) {
    struct finding one = f->all[i];
    size_t at = i;
    for (; at > 0 && goes_behind(&f->all[at - 1], &one); at--)
      f->all[at] = f->all[at - 1];
    f->all[at] = one;
  }
}

static int show_json(const struct findings *f) {
  static const char *const columns[] = {"file", "line", "level", "text"};
  struct listing *l = listing_begin(true, columns, 4);
  if (l == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < f->count; i++) {
    const struct finding *one = &f->all[i];
    listing_text(l, one->path);
    if (one->line > 0)
      listing_integer(l, one->line);
    else
      listing_null(l);
    listing_text(l, one->is_fault ? "fault" : "warning");
    listing_text(l, one->text);
  }
  return listing_end(l);
}

static void show_finding(const struct finding *one) {
  fputs(one->path, stdout);
  if (one->line > 0)
    printf(":%d", one->line);
  printf(": %s%s\n", one->is_fault ? "" : "warning: ", one->text);
}

static void show_count(size_t count, const char *one, const char *more) {
  if (count == 0)
    printf("no %s", one);
  else
    printf("%zu %s", count, count == 1 ? one : more);
}

static int show_lines(const struct findings *f, const char *path) {
  for (size_t i = 0; i < f->count; i++)
    show_finding(&f->all[i]);
  printf("%s: ", path);
  show_count(f->fault_count, "fault", "faults");
  fputs(", ", stdout);
  show_count(f->count - f->fault_count, "warning", "warnings");
  putchar('\n');
  return fflush(stdout) == 0 ? 0 : -errno;
}

int findings_show(struct findings *f, bool is_json, const char *path) {
  sort(f);
  return is_json ? show_json(f) : show_lines(f, path);
}

void findings_free(struct findings *f) {
  for (size_t i = 0; i < f->count; i++) {
    free(f->all[i].path);
    free(f->all[i].text);
  }
  free(f->all);
  *f = (struct findings){.all = NULL};
}
