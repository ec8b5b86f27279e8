/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include "base/systime.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define HOME_AND_CLEAR "\033[H\033[2J"
#define MORE "(there is more than the terminal has lines for)\n"
#define LINES_MIN 4  /* a lower terminal does not count */
#define LOOK_MS 1000 /* a signal may come just before a wait begins */

static volatile sig_atomic_t is_ended;

static struct {
  bool has_keys; /* stdin is a terminal, whose modes are changed */
  struct termios before, during;
  bool has_page; /* one was shown */
} screen;

static void note_end(int number) {
  (void)number;
  is_ended = 1;
}

/* Ends waits: no call is begun again. */
static void catch_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_end;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

void screen_begin(void) {
  is_ended = 0;
  catch_signals();
  screen.has_page = false;
  screen.has_keys = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
                    tcgetattr(STDIN_FILENO, &screen.before) == 0;
  screen.during = screen.before;
  screen.during.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
}

/* The modes are set for each page: a shell that had stopped the process has
 * changed them. */
void screen_clear(void) {
  if (screen.has_keys)
    tcsetattr(STDIN_FILENO, TCSANOW, &screen.during);
  if (isatty(STDOUT_FILENO))
    fputs(HOME_AND_CLEAR, stdout);
  else if (screen.has_page)
    putchar('\n');
  screen.has_page = true;
}

/* Returns how many lines of a terminal so wide the text takes. Its characters
 * are taken to be of one column each. */
static size_t lines_of(const char *text, size_t size, size_t columns) {
  size_t width = 0;
  for (size_t i = 0; i < size; i++)
    width += ((unsigned char)text[i] & 0xc0) != 0x80;
  return width <= columns ? 1 : (width + columns - 1) / columns;
}

/* Returns how many bytes of a page fit into so many lines. */
static size_t fit(const struct buf *page, size_t lines, size_t columns) {
  size_t at = 0;
  while (at < page->size) {
    const char *line = page->data + at;
    const char *end = memchr(line, '\n', page->size - at);
    size_t size = end != NULL ? (size_t)(end - line) : page->size - at;
    size_t needed = lines_of(line, size, columns);
    if (needed > lines)
      break;
    lines -= needed;
    at += size + (end != NULL);
  }
  return at;
}

void screen_fit(struct buf *page) {
  struct winsize size;
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
      size.ws_row < LINES_MIN || size.ws_col == 0)
    return;
  size_t lines = size.ws_row - 1u; /* the cursor stands in the last one */
  if (fit(page, lines, size.ws_col) == page->size)
    return;
  page->size = fit(page, lines - 1, size.ws_col);
  buf_append_text(page, MORE);
}

/* Takes one key, which has been pressed. */
static void take_key(void) {
  char key;
  ssize_t size = read(STDIN_FILENO, &key, 1);
  if (size == 0 || (size == 1 && (key == 'q' || key == 'Q')))
    is_ended = 1;
}

bool screen_wait(int64_t wait_ms) {
  struct pollfd keys = {.fd = screen.has_keys ? STDIN_FILENO : -1,
                        .events = POLLIN};
  int64_t end_ms = systime_monotonic_ms() + wait_ms;
  for (int64_t left_ms = wait_ms; !is_ended && left_ms > 0;
       left_ms = end_ms - systime_monotonic_ms())
    if (poll(&keys, 1, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS) > 0)
      take_key();
  return !is_ended;
}

void screen_end(void) {
  if (screen.has_keys)
    tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}
