/* SPDX-License-Identifier: MIT
 *
 * ignored owns the reasons why an event makes no command, and their names in
 * the metric derive-ignored_REASON. It keeps no state: any thread.
 *
 * Of an event that is not fired, taken back, silenced or waits, the state of
 * the series is kept all the same.
 */
#ifndef ONENET_IGNORED_H
#define ONENET_IGNORED_H

enum ignored {
  IGNORED_NAN,       /* the value is not a number, and it is no OKAY */
  IGNORED_TRUNCATED, /* threshold may have overwritten the identity */
  IGNORED_MISSING,   /* values are missing, and the rule has no OnMissing */
  IGNORED_NO_DEVICE, /* no device has the name that a template rendered */
  IGNORED_NO_VALUE,  /* the event lacks a field of a body or a device's name */
  IGNORED_UNMATCHED, /* no rule fires */
  IGNORED_LATE,      /* a newer event of the series came before */
  IGNORED_DUPLICATE, /* the same event came before, perhaps over another path */
  IGNORED_FIRST_OKAY, /* an OKAY for a slot of which nothing is recorded */
  IGNORED_NO_MEMORY,  /* no memory to find out which device the event is for */
  IGNORED_SERIES_MAX, /* the series is new, and there are too many */
  IGNORED_NOT_FIRED,  /* OKAY ends a state that had not held for After */
  IGNORED_TAKEN_BACK, /* Until is over, and the slot was not OKAY since */
  IGNORED_SILENCED,   /* an operator has silenced the rule or the device */
  IGNORED_REASONS,
  IGNORED_NOT = IGNORED_REASONS, /* no reason: the event is not ignored */
  IGNORED_UNTOLD, /* the event is ignored here and fires another rule: no news
                   */
  IGNORED_WAITS   /* the state has not held for After yet: it may fire later */
};

/* Returns "nan", "no_device" ... for one of IGNORED_REASONS. */
const char *ignored_name(enum ignored reason);

#endif
