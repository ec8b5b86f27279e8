/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include "base/one_line.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define CELL_MAX_BYTES 400  /* of a text in a table */
#define CELL_HEX_BYTES 16   /* of bytes that are no text */
#define TERMINAL_COLUMNS 40 /* a narrower terminal does not count */
#define COLUMN_MIN 8        /* room that is left to a text */
#define CUT ".."            /* end of a text that was cut */
#define BETWEEN "  "        /* two columns */
#define TIME_MAX_S 1e11     /* some thousand years */
#define CUT_LAST '@'        /* begins the name of such a column */

/* A field of a table: a piece of `text`. */
struct cell {
  size_t at, size;
  size_t width;     /* columns of the terminal */
  bool is_flexible; /* may be cut */
  bool is_number;
};

struct listing {
  bool is_json;
  const char *const *columns;
  size_t column_count;
  size_t at;          /* column of the next field */
  size_t row_count;   /* of rows that are whole */
  struct buf text;    /* of all cells; in JSON of all rows */
  struct cell *cells; /* of a table, row by row */
  size_t cell_count, cell_room;
  bool is_out_of_memory;
};

struct listing *listing_begin(bool is_json, const char *const *columns,
                              size_t count) {
  struct listing *l = calloc(1, sizeof *l);
  if (l == NULL)
    return NULL;
  l->is_json = is_json;
  l->columns = columns;
  l->column_count = count;
  buf_init(&l->text, LISTING_MAX_BYTES);
  if (is_json)
    buf_append_byte(&l->text, '[');
  return l;
}

static bool is_cut_last(const struct listing *l, size_t column) {
  return l->columns[column][0] == CUT_LAST;
}

/* Returns the column's name as it is shown. */
static const char *title_of(const struct listing *l, size_t column) {
  return l->columns[column] + is_cut_last(l, column);
}

void listing_free(struct listing *l) {
  buf_free(&l->text);
  free(l->cells);
  free(l);
}

/* ---- how wide a text is ---- */

struct range {
  uint32_t first, last;
};

/* Characters that take two columns, and such as take none (Unicode's East Asian
 * Width, as far as people write it). */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
    {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}, {0, 0}};
static const struct range without_width[] = {
    {0x300, 0x36f}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}, {0, 0}};

static bool is_in(const struct range *ranges, uint32_t character) {
  for (; ranges->last != 0; ranges++)
    if (character >= ranges->first && character <= ranges->last)
      return true;
  return false;
}

/* Takes the next character of valid UTF-8; writes how many bytes it has.
 * Returns how many columns it takes. */
static size_t take_character(const char *text, size_t *ret_size) {
  const unsigned char *c = (const unsigned char *)text;
  size_t size = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
  uint32_t character = size == 1 ? c[0] : c[0] & (0xffu >> (size + 1));
  for (size_t i = 1; i < size; i++)
    character = character << 6 | (c[i] & 0x3fu);
  *ret_size = size;
  return is_in(without_width, character) ? 0 : is_in(wide, character) ? 2 : 1;
}

/* Returns how many bytes of a text fit into so many columns, and writes how
 * many columns these take. */
static size_t fit(const char *text, size_t size, size_t columns,
                  size_t *ret_width) {
  size_t at = 0, character_size;
  *ret_width = 0;
  while (at < size) {
    size_t width = take_character(text + at, &character_size);
    if (*ret_width + width > columns)
      break;
    *ret_width += width;
    at += character_size;
  }
  return at;
}

static size_t width_of(const char *text, size_t size) {
  size_t width;
  fit(text, size, SIZE_MAX / 2, &width);
  return width;
}

/* ---- fields of a table ---- */

/* Returns the next cell, or NULL without memory. */
static struct cell *add_cell(struct listing *l) {
  if (l->cell_count == l->cell_room) {
    size_t room = l->cell_room == 0 ? 64 : 2 * l->cell_room;
    struct cell *cells = realloc(l->cells, room * sizeof *cells);
    if (cells == NULL) {
      l->is_out_of_memory = true;
      return NULL;
    }
    l->cells = cells;
    l->cell_room = room;
  }
  return &l->cells[l->cell_count++];
}

/* Makes what was appended since `at` one line, and a cell. */
static void end_cell(struct listing *l, size_t at, bool is_flexible,
                     bool is_number) {
  if (l->text.size > at) {
    one_line_blank(l->text.data + at, l->text.size - at);
    l->text.size = at + strlen(l->text.data + at);
  }
  struct cell *cell = add_cell(l);
  if (cell == NULL)
    return;
  size_t size = l->text.size - at;
  *cell =
      (struct cell){.at = at,
                    .size = size,
                    .width = size > 0 ? width_of(l->text.data + at, size) : 0,
                    .is_flexible = is_flexible,
                    .is_number = is_number};
}

static void add_text_cell(struct listing *l, const char *text, size_t size) {
  size_t at = l->text.size;
  size_t kept = one_line_cut(text, size, CELL_MAX_BYTES);
  buf_append_utf8(&l->text, text, kept);
  if (kept < size)
    buf_append_text(&l->text, CUT);
  end_cell(l, at, true, false);
}

static void append_hex(struct buf *out, const unsigned char *data,
                       size_t size) {
  for (size_t i = 0; i < size; i++)
    buf_append_format(out, "%02X", data[i]);
}

static void add_hex_cell(struct listing *l, const void *data, size_t size) {
  size_t at = l->text.size;
  size_t shown = size < CELL_HEX_BYTES ? size : CELL_HEX_BYTES;
  buf_append_text(&l->text, "x'");
  append_hex(&l->text, data, shown);
  buf_append_text(&l->text, shown < size ? CUT : "'");
  end_cell(l, at, true, false);
}

/* ---- fields ---- */

/* Returns whether a JSON string may hold the bytes as they are; most can. */
static bool is_plain(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
      return false;
  return true;
}

static void append_string(struct buf *out, const char *text, size_t size) {
  buf_append_byte(out, '"');
  if (is_plain(text, size))
    buf_append(out, text, size);
  else
    buf_append_json(out, text, size);
  buf_append_byte(out, '"');
}

static void begin_field(struct listing *l) {
  if (!l->is_json)
    return;
  if (l->at == 0)
    buf_append_text(&l->text, l->row_count == 0 ? "\n{" : ",\n{");
  else
    buf_append_text(&l->text, ", ");
  append_string(&l->text, title_of(l, l->at), strlen(title_of(l, l->at)));
  buf_append_text(&l->text, ": ");
}

static void end_field(struct listing *l) {
  if (++l->at < l->column_count)
    return;
  if (l->is_json)
    buf_append_byte(&l->text, '}');
  l->at = 0;
  l->row_count++;
}

/* Adds what is the same for people and in JSON. */
static void add_word(struct listing *l, const char *word, bool is_number) {
  begin_field(l);
  size_t at = l->text.size;
  buf_append_text(&l->text, word);
  if (!l->is_json)
    end_cell(l, at, false, is_number);
  end_field(l);
}

void listing_null(struct listing *l) {
  add_word(l, l->is_json ? "null" : "", false);
}

static void add_text_field(struct listing *l, const char *text, size_t size) {
  begin_field(l);
  if (l->is_json)
    append_string(&l->text, text, size);
  else
    add_text_cell(l, text, size);
  end_field(l);
}

void listing_text(struct listing *l, const char *text) {
  if (text == NULL)
    listing_null(l);
  else
    add_text_field(l, text, strlen(text));
}

void listing_bytes(struct listing *l, const void *data, size_t size) {
  if (size == 0 || (buf_is_utf8(data, size) && memchr(data, 0, size) == NULL)) {
    add_text_field(l, size == 0 ? "" : data, size);
    return;
  }
  begin_field(l);
  if (l->is_json) {
    buf_append_text(&l->text, "{\"hex\": \"");
    append_hex(&l->text, data, size);
    buf_append_text(&l->text, "\"}");
  } else {
    add_hex_cell(l, data, size);
  }
  end_field(l);
}

void listing_integer(struct listing *l, int64_t number) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)number);
  add_word(l, text, true);
}

/* Writes the fewest digits that make the same number again. */
static void format_exactly(double number, char *ret_text, size_t bytes) {
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(ret_text, bytes, "%.*g", digits, number);
    if (strtod(ret_text, NULL) == number)
      return;
  }
}

void listing_real(struct listing *l, double number) {
  char text[40];
  if (!isfinite(number)) {
    listing_null(l);
    return;
  }
  if (l->is_json)
    format_exactly(number, text, sizeof text);
  else
    snprintf(text, sizeof text, "%.6g", number);
  add_word(l, text, true);
}

void listing_format_time(double wall_s,
                         char ret_text[static LISTING_TIME_BYTES]) {
  bool is_time = fabs(wall_s) < TIME_MAX_S;
  time_t seconds = is_time ? (time_t)wall_s : 0;
  struct tm local;
  if (!is_time || localtime_r(&seconds, &local) == NULL ||
      strftime(ret_text, LISTING_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &local) == 0)
    snprintf(ret_text, LISTING_TIME_BYTES, "%.0f", wall_s);
}

/* ---- the table ---- */

struct column {
  size_t width; /* 0: nothing is in it, and it is left out */
  size_t least; /* it may be made as narrow as that */
  bool is_last; /* and that only if the others are */
  bool is_number;
};

static void measure(const struct listing *l, size_t index, struct column *c) {
  size_t title = strlen(title_of(l, index));
  bool is_flexible = false;
  c->width = 0;
  c->is_number = true;
  for (size_t i = index; i < l->cell_count; i += l->column_count) {
    const struct cell *cell = &l->cells[i];
    if (cell->width > c->width)
      c->width = cell->width;
    is_flexible = is_flexible || cell->is_flexible;
    c->is_number = c->is_number && (cell->is_number || cell->size == 0);
  }
  if (c->width > 0 && c->width < title)
    c->width = title;
  c->is_last = is_cut_last(l, index);
  c->least = !is_flexible ? c->width : title > COLUMN_MIN ? title : COLUMN_MIN;
}

/* Returns the widest column that may become narrower, of those that are cut
 * last or of the others; NULL if there is none. */
static struct column *find_widest(struct column *columns, size_t count,
                                  bool is_last) {
  struct column *widest = NULL;
  for (size_t i = 0; i < count; i++)
    if (columns[i].is_last == is_last && columns[i].width > columns[i].least &&
        (widest == NULL || columns[i].width >= widest->width))
      widest = &columns[i];
  return widest;
}

static void shrink(struct column *columns, size_t count, size_t limit) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++)
    if (columns[i].width > 0)
      total += columns[i].width + strlen(BETWEEN);
  limit += strlen(BETWEEN); /* none is behind the last column */
  for (; total > limit; total--) {
    struct column *widest = find_widest(columns, count, false);
    if (widest == NULL)
      widest = find_widest(columns, count, true);
    if (widest == NULL)
      return;
    widest->width--;
  }
}

/* Returns how wide a table may be. */
static size_t find_limit(void) {
  struct winsize size;
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
      size.ws_col >= TERMINAL_COLUMNS)
    return size.ws_col;
  return LISTING_COLUMNS;
}

static void append_blanks(struct buf *out, size_t count) {
  while (count-- > 0)
    buf_append_byte(out, ' ');
}

/* Appends a text that has `width` columns into a column of the table. */
static void append_field(struct buf *out, const struct column *c,
                         const char *text, size_t size, size_t width) {
  if (width > c->width) {
    size = fit(text, size, c->width - strlen(CUT), &width);
    buf_append(out, text, size);
    buf_append_text(out, CUT);
    width += strlen(CUT);
    size = 0;
  }
  if (c->is_number)
    append_blanks(out, c->width - width);
  buf_append(out, text, size);
  if (!c->is_number)
    append_blanks(out, c->width - width);
}

static void end_line(struct buf *out) {
  while (out->size > 0 && out->data[out->size - 1] == ' ')
    out->size--;
  buf_append_byte(out, '\n');
}

/* Appends one line: the cells of a row; NULL: the titles. */
static void append_line(const struct listing *l, const struct column *columns,
                        const struct cell *cells, struct buf *out) {
  const char *between = "";
  for (size_t i = 0; i < l->column_count; i++) {
    if (columns[i].width == 0)
      continue;
    buf_append_text(out, between);
    if (cells == NULL)
      append_field(out, &columns[i], title_of(l, i), strlen(title_of(l, i)),
                   strlen(title_of(l, i)));
    else
      append_field(out, &columns[i], buf_text(&l->text) + cells[i].at,
                   cells[i].size, cells[i].width);
    between = BETWEEN;
  }
  end_line(out);
}

static void append_table(const struct listing *l, struct buf *out) {
  if (l->row_count == 0) {
    buf_append_text(out, "(none)\n");
    return;
  }
  struct column *columns = calloc(l->column_count, sizeof *columns);
  if (columns == NULL) {
    out->error = -ENOMEM;
    return;
  }
  for (size_t i = 0; i < l->column_count; i++)
    measure(l, i, &columns[i]);
  shrink(columns, l->column_count, find_limit());
  append_line(l, columns, NULL, out);
  for (size_t row = 0; row < l->row_count; row++)
    append_line(l, columns, &l->cells[row * l->column_count], out);
  free(columns);
}

/* An array may be large: it takes the place of a buffer that is empty. */
static void append_array(struct listing *l, struct buf *out) {
  int status = buf_append_text(&l->text, l->row_count > 0 ? "\n]\n" : "]\n");
  if (status < 0)
    out->error = status;
  if (status < 0 || out->size > 0) {
    buf_append(out, buf_text(&l->text), l->text.size);
    return;
  }
  struct buf empty = *out;
  *out = l->text;
  l->text = empty;
}

/* ---- the end ---- */

int listing_append(struct listing *l, struct buf *out) {
  if (l->is_out_of_memory)
    out->error = -ENOMEM;
  else if (l->text.error != 0)
    out->error = l->text.error;
  else if (l->is_json)
    append_array(l, out);
  else
    append_table(l, out);
  listing_free(l);
  return out->error;
}

int listing_write(struct buf *text) {
  int status = text->error;
  if (status == 0 &&
      (fwrite(buf_text(text), 1, text->size, stdout) != text->size ||
       fflush(stdout) != 0))
    status = errno != 0 ? -errno : -EIO;
  buf_free(text);
  return status;
}

int listing_end(struct listing *l) {
  struct buf text;
  buf_init(&text, LISTING_MAX_BYTES);
  listing_append(l, &text);
  return listing_write(&text);
}
