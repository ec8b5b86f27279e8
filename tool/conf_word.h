/* SPDX-License-Identifier: MIT
 *
 * conf_word owns the words of collectd's configuration language, as collectd's
 * own scanner finds them: of all kinds of words that may begin at a place the
 * longest one is taken, and a character that begins none is passed over.
 *
 * Any thread; a scanner is used by one at a time.
 */
#ifndef ONENET_CONF_WORD_H
#define ONENET_CONF_WORD_H

#include <stdbool.h>
#include <stddef.h>

enum conf_word_kind {
  CONF_WORD_FILE_END,
  CONF_WORD_LINE_END,
  CONF_WORD_SLASH,
  CONF_WORD_OPEN,  /* < */
  CONF_WORD_CLOSE, /* > */
  CONF_WORD_TRUE,
  CONF_WORD_FALSE,
  CONF_WORD_NUMBER,
  CONF_WORD_QUOTED,
  CONF_WORD_BARE
};

struct conf_word {
  enum conf_word_kind kind;
  const char *start; /* as it is written; borrowed from the text */
  size_t size;
  int line;      /* where it begins, from 1 on */
  int last_line; /* where it ends */
  double number;
  char *text; /* of NUMBER, QUOTED and BARE: without quotes and backslashes;
                 NULL: no memory */
};

/* Receives the first character of a line that collectd passes over. */
typedef void conf_stray_fn(void *context, int line, char stray);

struct conf_scanner {
  const char *at; /* the text must end with a NUL, which is not part of it */
  const char *end;
  int line;
  int stray_line; /* where the last stray character was; 0: none yet */
  conf_stray_fn *stray;
  void *context;
};

/* Takes the next word. The caller owns its text. */
void conf_word_next(struct conf_scanner *s, struct conf_word *ret_word);

#endif
