/* SPDX-License-Identifier: MIT */
#include "conf_word.h"

#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define BARE_CHARACTERS DIGITS LETTERS "_"
#define HEX_CHARACTERS DIGITS "abcdefABCDEF"
#define BLANKS " \t\b"

/* ---- addresses, by the expressions of collectd's scanner ---- */

#define ADDRESS_CHARACTERS HEX_CHARACTERS ":.[]"
#define ADDRESS_MAX_BYTES 80 /* the longest one has 59 */

#define PORT                                                                   \
  "(6(5(5(3[0-5]|[0-2][0-9])|[0-4][0-9][0-9])|[0-4][0-9][0-9][0-9])"           \
  "|[1-5][0-9][0-9][0-9][0-9]|[1-9][0-9]?[0-9]?[0-9]?)"
#define BYTE "(2(5[0-5]|[0-4][0-9])|1[0-9][0-9]|[1-9]?[0-9])"
#define IPV4 "(" BYTE "\\." BYTE "\\." BYTE "\\." BYTE "(:" PORT ")?)"
#define HEX16 "([0-9A-Fa-f]{1,4})"
#define LAST "(" HEX16 ":" HEX16 "|" IPV4 ")"
#define FIRST(most) "((" HEX16 ":){0," most "}" HEX16 ")?::"
#define MIDDLE(count) "(" HEX16 ":){" count "}"
#define BASE                                                                   \
  "(" MIDDLE("6") LAST "|::" MIDDLE("5") LAST "|(" HEX16 ")?::" MIDDLE("4")    \
      LAST "|" FIRST("1") MIDDLE("3") LAST "|" FIRST("2") MIDDLE("2") LAST     \
      "|" FIRST("3") HEX16 ":" LAST "|" FIRST("4") LAST "|" FIRST("5") HEX16   \
      "|" FIRST("6") ")"
#define IPV6 "(" BASE "|\\[" BASE "\\](:" PORT ")?)"

static regex_t address;
static bool has_address;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void compile_address(void) {
  has_address = regcomp(&address, "^(" IPV4 "|" IPV6 ")", REG_EXTENDED) == 0;
}

/* Returns the bytes of the address that begins there, or 0. */
static size_t address_size(const char *at) {
  char window[ADDRESS_MAX_BYTES];
  size_t size = strspn(at, ADDRESS_CHARACTERS);
  if (size >= sizeof(window))
    size = sizeof(window) - 1;
  memcpy(window, at, size);
  window[size] = '\0';
  if (strpbrk(window, ":.") == NULL)
    return 0;
  pthread_once(&once, compile_address);
  regmatch_t match;
  if (!has_address || regexec(&address, window, 1, &match, 0) != 0)
    return 0;
  return (size_t)match.rm_eo;
}

/* ---- numbers and bare words ---- */

static size_t exponent_size(const char *at) {
  if ((at[0] != 'e' && at[0] != 'E') || (at[1] != '+' && at[1] != '-'))
    return 0;
  size_t digits = strspn(at + 2, DIGITS);
  return digits > 0 ? digits + 2 : 0;
}

static size_t hex_size(const char *at) {
  if (at[0] != '0' || (at[1] != 'x' && at[1] != 'X'))
    return 0;
  size_t digits = strspn(at + 2, HEX_CHARACTERS);
  return digits > 0 ? digits + 2 : 0;
}

/* Returns the bytes of the number that begins there, or 0. */
static size_t number_size(const char *at) {
  size_t hex = hex_size(at);
  if (hex > 0)
    return hex;
  size_t sign = at[0] == '+' || at[0] == '-';
  size_t whole = strspn(at + sign, DIGITS);
  const char *point = at + sign + whole;
  size_t fraction = *point == '.' ? strspn(point + 1, DIGITS) : 0;
  if (fraction > 0)
    return sign + whole + 1 + fraction + exponent_size(point + 1 + fraction);
  return whole > 0 ? sign + whole : 0;
}

static bool is_text(const struct conf_word *w, const char *text) {
  return w->size == strlen(text) && memcmp(w->start, text, w->size) == 0;
}

static bool is_one_of(const struct conf_word *w, const char *a, const char *b,
                      const char *c) {
  return is_text(w, a) || is_text(w, b) || is_text(w, c);
}

static void make_bare(struct conf_word *w) {
  if (is_one_of(w, "true", "yes", "on")) {
    w->kind = CONF_WORD_TRUE;
  } else if (is_one_of(w, "false", "no", "off")) {
    w->kind = CONF_WORD_FALSE;
  } else {
    w->kind = CONF_WORD_BARE;
    w->text = strndup(w->start, w->size);
  }
}

/* Takes an address, a number or a bare word. Returns false if there is none. */
static bool take_unquoted(const char *at, struct conf_word *w) {
  size_t as_address = address_size(at);
  size_t as_number = number_size(at);
  size_t as_bare = strspn(at, BARE_CHARACTERS);
  w->start = at;
  if (as_address > 0 && as_address >= as_number && as_address >= as_bare) {
    w->kind = CONF_WORD_BARE;
    w->size = as_address;
    w->text = strndup(at, as_address);
  } else if (as_number > 0 && as_number >= as_bare) {
    w->kind = CONF_WORD_NUMBER;
    w->size = as_number;
    w->text = strndup(at, as_number);
    w->number = w->text != NULL ? strtod(w->text, NULL) : 0;
  } else {
    w->size = as_bare;
    if (as_bare > 0)
      make_bare(w);
  }
  return w->size > 0;
}

/* ---- quoted texts ---- */

/* A piece of a quoted text: up to its quote, or up to a backslash at the end of
 * a line, behind which it goes on. */
struct piece {
  size_t size; /* with the quote, or the backslash and the end of the line */
  size_t kept; /* with the quote, without the backslash */
  bool goes_on;
};

/* Finds the longest piece whose inside begins at `from`, within a text that
 * begins at `at`. Returns false if there is none. A backslash takes the
 * character behind it along, also a carriage return: in a file with such ends
 * of lines the text goes on as it stands, if its quote follows. */
static bool find_piece(const char *at, const char *from, const char *end,
                       struct piece *ret_piece) {
  bool is_found = false;
  for (const char *c = from; c < end; c++) {
    if (*c == '"') {
      size_t size = (size_t)(c + 1 - at);
      *ret_piece = (struct piece){.size = size, .kept = size};
      return true;
    }
    if (*c != '\\')
      continue;
    size_t line_end = c[1] == '\n' ? 1 : c[1] == '\r' && c[2] == '\n' ? 2 : 0;
    if (line_end > 0) {
      size_t kept = (size_t)(c - at);
      *ret_piece = (struct piece){kept + 1 + line_end, kept, true};
      is_found = true;
    }
    if (line_end == 1)
      return true;
    c++;
  }
  return is_found;
}

static void count_lines(struct conf_scanner *s, const char *to) {
  for (; s->at < to; s->at++)
    s->line += *s->at == '\n';
}

static void pass_stray(struct conf_scanner *s) {
  if (s->stray != NULL && s->stray_line != s->line)
    s->stray(s->context, s->line, *s->at);
  s->stray_line = s->line;
  count_lines(s, s->at + 1);
}

/* Appends the piece to the text, which grows. Takes and frees it without
 * memory. */
static char *join_piece(char *text, size_t *size, const char *at, size_t kept) {
  char *grown = realloc(text, *size + kept + 1);
  if (grown == NULL) {
    free(text);
    return NULL;
  }
  memcpy(grown + *size, at, kept);
  *size += kept;
  grown[*size] = '\0';
  return grown;
}

/* Finds the next piece of a text that goes on. Blanks at the beginning of its
 * line are left out, and its first character is taken as it stands. Returns
 * false if the text does not end. */
static bool next_piece(struct conf_scanner *s, struct piece *ret_piece) {
  count_lines(s, s->at + strspn(s->at, BLANKS));
  while (s->at < s->end) {
    if (strchr(BLANKS, *s->at) == NULL &&
        find_piece(s->at, s->at + 1, s->end, ret_piece))
      return true;
    pass_stray(s);
  }
  return false;
}

/* Takes the quotes and the backslashes away. */
static void unquote(char *text, size_t size) {
  size_t to = 0;
  for (size_t i = 1; i + 1 < size; i++) {
    i += text[i] == '\\';
    if (i + 1 < size)
      text[to++] = text[i];
  }
  text[to] = '\0';
}

/* Takes a quoted text, or the pieces of one. Returns false if there is no end
 * of it. */
static bool take_quoted(struct conf_scanner *s, struct conf_word *w) {
  struct piece piece;
  size_t size = 0;
  if (!find_piece(s->at, s->at + 1, s->end, &piece))
    return false;
  w->kind = CONF_WORD_QUOTED;
  w->text = strdup("");
  for (;;) {
    if (w->text != NULL)
      w->text = join_piece(w->text, &size, s->at, piece.kept);
    count_lines(s, s->at + piece.size);
    if (!piece.goes_on)
      break;
    if (!next_piece(s, &piece)) {
      free(w->text);
      return false;
    }
  }
  if (w->text != NULL)
    unquote(w->text, size);
  return true;
}

/* ---- all of them ---- */

static size_t line_end_size(const char *at) {
  return *at == '\n' ? 1 : at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

/* Passes over blanks, comments and continued lines. */
static void skip_nothing(struct conf_scanner *s) {
  for (;;) {
    const char *at = s->at + strspn(s->at, BLANKS);
    if (*at == '#')
      at += strcspn(at, "\n");
    else if (*at == '\\' && line_end_size(at + 1) > 0)
      at += 1 + line_end_size(at + 1);
    if (at == s->at)
      return;
    count_lines(s, at);
  }
}

static bool take_mark(const char *at, struct conf_word *w) {
  static const char marks[] = "/<>";
  static const enum conf_word_kind kinds[] = {CONF_WORD_SLASH, CONF_WORD_OPEN,
                                              CONF_WORD_CLOSE};
  const char *mark = *at == '\0' ? NULL : strchr(marks, *at);
  w->size = mark != NULL ? 1 : line_end_size(at);
  w->kind = mark != NULL ? kinds[mark - marks] : CONF_WORD_LINE_END;
  return w->size > 0;
}

/* Takes a word. Returns false if none begins here. */
static bool take(struct conf_scanner *s, struct conf_word *w) {
  *w = (struct conf_word){.start = s->at, .line = s->line};
  bool is_taken;
  if (*s->at == '"') {
    is_taken = take_quoted(s, w);
    w->size = (size_t)(s->at - w->start);
  } else {
    is_taken = take_mark(s->at, w) || take_unquoted(s->at, w);
    count_lines(s, s->at + w->size);
  }
  w->last_line = s->line - (w->kind == CONF_WORD_LINE_END);
  return is_taken;
}

void conf_word_next(struct conf_scanner *s, struct conf_word *ret_word) {
  for (skip_nothing(s); s->at < s->end; skip_nothing(s)) {
    const char *before = s->at;
    if (take(s, ret_word))
      return;
    if (s->at == before)
      pass_stray(s);
  }
  *ret_word = (struct conf_word){.kind = CONF_WORD_FILE_END,
                                 .start = s->at,
                                 .line = s->line,
                                 .last_line = s->line};
}
