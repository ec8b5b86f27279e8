/* SPDX-License-Identifier: MIT */
#include "conf_text.h"

#include "conf_word.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 512
#define SHOWN_MAX 40

struct parser {
  struct conf_scanner scanner;
  struct conf_word word; /* the next one, not taken yet */
  const char *path;
  struct conf_node *block; /* innermost open one, or the root */
  int depth;
  int long_first, long_last; /* lines of a quoted text of more than one line */
  bool is_wrong;             /* the rest of the line is passed over */
  bool out_of_memory;
  conf_note_fn *note;
  void *context;
};

static void note_at(struct parser *p, enum conf_level level, int line,
                    const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note_at(struct parser *p, enum conf_level level, int line,
                    const char *format, ...) {
  char text[TEXT_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  p->note(p->context, level, p->path, line, text);
}

static void note_stray(void *context, int line, char stray) {
  struct parser *p = context;
  if (stray == '"')
    note_at(p, CONF_WARNING, line,
            "a quote without an end: collectd passes over it");
  else if (stray > ' ' && stray <= '~')
    note_at(p, CONF_WARNING, line,
            "%c: collectd passes over it: put the text around it into quotes",
            stray);
  else
    note_at(p, CONF_WARNING, line,
            "byte 0x%02x: collectd passes over it: take it away",
            (unsigned int)(unsigned char)stray);
}

/* ---- words ---- */

static bool has_text(const struct conf_word *w) {
  return w->kind == CONF_WORD_NUMBER || w->kind == CONF_WORD_QUOTED ||
         w->kind == CONF_WORD_BARE;
}

/* Goes on to the next word. */
static void advance(struct parser *p) {
  free(p->word.text);
  conf_word_next(&p->scanner, &p->word);
  if (has_text(&p->word) && p->word.text == NULL)
    p->out_of_memory = true;
  if (p->word.kind == CONF_WORD_QUOTED && p->word.last_line > p->word.line) {
    p->long_first = p->word.line;
    p->long_last = p->word.last_line;
  }
}

/* Takes the text of the word away from it; NULL without memory. */
static char *take_text(struct parser *p) {
  char *text = p->word.text;
  p->word.text = NULL;
  return text;
}

/* Writes how the word looks, for a fault. */
static void show_word(const struct conf_word *w, char *ret, size_t bytes) {
  size_t size = strcspn(w->start, "\r\n");
  int shown = (int)(size < w->size ? size : w->size);
  const char *more = shown > SHOWN_MAX ? "..." : "";
  if (w->kind == CONF_WORD_FILE_END)
    snprintf(ret, bytes, "the end of the file");
  else if (w->kind == CONF_WORD_LINE_END)
    snprintf(ret, bytes, "the end of the line");
  else
    snprintf(ret, bytes, "%.*s%s", shown > SHOWN_MAX ? SHOWN_MAX : shown,
             w->start, more);
}

/* Notes that the word is not what must be there. A quote that is missing shows
 * only where the next quoted text ends, lines later. */
static void note_unexpected(struct parser *p, const char *must_be) {
  char shown[SHOWN_MAX + 8], hint[TEXT_BYTES / 4] = "";
  int lines = p->long_last > 0 ? p->word.line - p->long_last : 2;
  show_word(&p->word, shown, sizeof(shown));
  if (lines <= 1)
    snprintf(hint, sizeof(hint),
             ": is a quote missing? A text in quotes begins in line %d and "
             "ends in line %d",
             p->long_first, p->long_last);
  note_at(p, CONF_FAULT, p->word.line, "%s: must be %s%s", shown, must_be,
          hint);
  p->is_wrong = true;
}

static void skip_line(struct parser *p) {
  while (p->word.kind != CONF_WORD_LINE_END &&
         p->word.kind != CONF_WORD_FILE_END)
    advance(p);
}

/* Takes a word of that kind; notes that it must be there if it is another one.
 */
static bool expect(struct parser *p, enum conf_word_kind kind,
                   const char *must_be) {
  if (p->word.kind != kind) {
    note_unexpected(p, must_be);
    return false;
  }
  advance(p);
  return true;
}

static bool expect_line_end(struct parser *p) {
  if (p->word.kind == CONF_WORD_FILE_END) {
    note_at(p, CONF_FAULT, p->word.line,
            "the last line has no end: put a newline there");
    return false;
  }
  return expect(p, CONF_WORD_LINE_END, "the end of the line");
}

/* ---- options ---- */

/* Makes the value of the word. Returns false if it is none. */
static bool make_value(struct parser *p, oconfig_value_t *ret_value) {
  enum conf_word_kind kind = p->word.kind;
  *ret_value = (oconfig_value_t){.type = OCONFIG_TYPE_STRING};
  if (kind == CONF_WORD_TRUE || kind == CONF_WORD_FALSE) {
    ret_value->type = OCONFIG_TYPE_BOOLEAN;
    ret_value->value.boolean = kind == CONF_WORD_TRUE;
  } else if (kind == CONF_WORD_NUMBER) {
    ret_value->type = OCONFIG_TYPE_NUMBER;
    ret_value->value.number = p->word.number;
  } else if (has_text(&p->word)) {
    ret_value->value.string = take_text(p);
  } else {
    return false;
  }
  return true;
}

static void read_values(struct parser *p, struct conf_node *n) {
  oconfig_value_t value;
  while (!p->out_of_memory && make_value(p, &value)) {
    if (!conf_node_add_value(n, value))
      p->out_of_memory = true;
    advance(p);
  }
}

/* Makes an item of the key that is the next word. Returns NULL without memory.
 */
static struct conf_node *begin_node(struct parser *p, int line) {
  if (p->out_of_memory)
    return NULL;
  struct conf_node *n = conf_node_new(p->path, line, take_text(p));
  if (n == NULL)
    p->out_of_memory = true;
  else
    advance(p);
  return n;
}

static void read_option(struct parser *p) {
  struct conf_node *n = begin_node(p, p->word.line);
  if (n == NULL)
    return;
  read_values(p, n);
  if (p->out_of_memory) {
    conf_node_free(n);
  } else if (n->values_num == 0) {
    note_unexpected(p, "a value of the option");
    conf_node_free(n);
  } else {
    expect_line_end(p);
    conf_node_append(p->block, n);
  }
}

/* ---- blocks ---- */

static void open_block(struct parser *p, int line) {
  if (p->depth == CONF_DEPTH_MAX) {
    note_at(p, CONF_FAULT, line, "more than %d blocks within each other",
            CONF_DEPTH_MAX);
    p->is_wrong = true;
    return;
  }
  struct conf_node *n = begin_node(p, line);
  if (n == NULL)
    return;
  read_values(p, n);
  if (!p->out_of_memory && expect(p, CONF_WORD_CLOSE, "a value, or >"))
    expect_line_end(p);
  n->parent = p->block;
  p->block = n;
  p->depth++;
}

/* Closes the innermost block. One that says nothing is left out, as collectd
 * does. */
static void close_block(struct parser *p) {
  struct conf_node *n = p->block;
  p->block = n->parent;
  p->depth--;
  if (n->values_num > 0 || n->children_num > 0)
    conf_node_append(p->block, n);
  else
    conf_node_free(n);
}

static bool is_open(const struct parser *p, const char *key) {
  for (const struct conf_node *n = p->block; n->key != NULL; n = n->parent)
    if (strcmp(n->key, key) == 0)
      return true;
  return false;
}

static void note_unclosed(struct parser *p, int line) {
  note_at(p, CONF_FAULT, line,
          "<%s> is not closed: </%s> is missing before line %d", p->block->key,
          p->block->key, p->word.line);
}

/* Closes the block of that key, and those in it, which are not closed
 * themselves. */
static void close_blocks(struct parser *p, const char *key, int line) {
  if (!is_open(p, key)) {
    note_at(p, CONF_FAULT, line, "</%s>: there is no <%s> to close", key, key);
    return;
  }
  while (strcmp(p->block->key, key) != 0) {
    note_unclosed(p, p->block->line);
    close_block(p);
  }
  close_block(p);
}

/* The slash is the next word. */
static void read_block_end(struct parser *p, int line) {
  advance(p);
  if (p->word.kind != CONF_WORD_BARE) {
    note_unexpected(p, "the name of the block that is closed");
    return;
  }
  char *key = take_text(p);
  if (key == NULL)
    return;
  close_blocks(p, key, line);
  free(key);
  advance(p);
  if (expect(p, CONF_WORD_CLOSE, ">"))
    expect_line_end(p);
}

static void read_block(struct parser *p) {
  int line = p->word.line;
  advance(p);
  if (p->word.kind == CONF_WORD_SLASH)
    read_block_end(p, line);
  else if (p->word.kind == CONF_WORD_BARE)
    open_block(p, line);
  else
    note_unexpected(p, "the name of a block");
}

/* ---- the text ---- */

static void read_statement(struct parser *p) {
  p->is_wrong = false;
  if (p->word.kind == CONF_WORD_BARE)
    read_option(p);
  else if (p->word.kind == CONF_WORD_OPEN)
    read_block(p);
  else
    note_unexpected(p, "the name of an option or a block");
  if (p->is_wrong)
    skip_line(p);
}

static void read_text(struct parser *p) {
  advance(p);
  while (!p->out_of_memory && p->word.kind != CONF_WORD_FILE_END) {
    if (p->word.kind == CONF_WORD_LINE_END)
      advance(p);
    else
      read_statement(p);
  }
  while (p->block->key != NULL) {
    if (!p->out_of_memory)
      note_unclosed(p, p->block->line);
    close_block(p);
  }
  free(p->word.text);
}

int conf_text_parse(const char *path, const char *text, size_t size,
                    conf_note_fn *note, void *context,
                    struct conf_node **ret_root) {
  struct parser p = {.path = path, .note = note, .context = context};
  p.scanner = (struct conf_scanner){.at = text,
                                    .end = text + size,
                                    .line = 1,
                                    .stray = note_stray,
                                    .context = &p};
  struct conf_node *root = conf_node_new(path, 1, NULL);
  if (root == NULL)
    return -ENOMEM;
  if (strlen(text) < size) {
    note_at(&p, CONF_FAULT, 1, "must not hold a NUL byte");
    *ret_root = root;
    return 0;
  }
  p.block = root;
  read_text(&p);
  if (p.out_of_memory) {
    conf_node_free(root);
    return -ENOMEM;
  }
  *ret_root = root;
  return 0;
}
