/* SPDX-License-Identifier: MIT
 *
 * findings owns the list of what `check` has found: faults and warnings, file
 * by file and line by line.
 */
#ifndef ONENET_FINDINGS_H
#define ONENET_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

struct finding {
  char *path;
  int line; /* 0: the file as a whole */
  bool is_fault;
  char *text;
  size_t file; /* number of its file, in the order in which files were named */
};

/* Begins as zeros. */
struct findings {
  struct finding *all;
  size_t count;
  size_t fault_count;
  bool out_of_memory;
};

/* Adds one; copies path and text, on one line each. */
void findings_add(struct findings *f, bool is_fault, const char *path, int line,
                  const char *text);

/* Returns whether there is a fault in that file. */
bool findings_has_fault(const struct findings *f, const char *path);

/* Writes all to stdout, sorted: "FILE:LINE: text" for people, and a count of
 * them for the file of that path; or a JSON array of objects. Returns 0 or the
 * error of writing. */
int findings_show(struct findings *f, bool is_json, const char *path);

void findings_free(struct findings *f);

#endif
