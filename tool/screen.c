/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include "base/systime.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HOME_AND_CLEAR "\033[H\033[2J"
#define LOOK_MS 1000 /* a signal may come just before a wait begins */

static volatile sig_atomic_t is_ended;

static struct {
  bool has_keys; /* stdin is a terminal, whose modes are changed */
  struct termios before;
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
  if (!screen.has_keys)
    return;
  struct termios keys = screen.before;
  keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

void screen_clear(void) {
  if (isatty(STDOUT_FILENO))
    fputs(HOME_AND_CLEAR, stdout);
  else if (screen.has_page)
    putchar('\n');
  screen.has_page = true;
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
