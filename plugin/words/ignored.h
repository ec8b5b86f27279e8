/* SPDX-License-Identifier: MIT
 *
 * ignored owns the reasons for which an event makes no command, and their
 * names, which are those of the metric derive-ignored_REASON. No state: any
 * thread.
 */
#ifndef ONENET_IGNORED_H
#define ONENET_IGNORED_H

enum ignored {
  IGNORED_NAN,       /* its value is not a number */
  IGNORED_TRUNCATED, /* threshold may have overwritten its identity */
  IGNORED_MISSING,   /* values have stopped coming, and the rule has no body for
                        that */
  IGNORED_NO_DEVICE, /* no device bears the name that it renders */
  IGNORED_NO_VALUE,  /* it lacks what a body needs */
  IGNORED_UNMATCHED, /* it fires no rule */
  IGNORED_LATE,      /* a newer one of its series came before it */
  IGNORED_DUPLICATE, /* it came before, perhaps over another path */
  IGNORED_FIRST_OKAY, /* it is OKAY for what was never commanded */
  IGNORED_REASONS,
  IGNORED_NOT = IGNORED_REASONS /* it is not ignored */
};

/* Returns "nan", "no_device" ... for a reason. */
const char *ignored_name(enum ignored reason);

#endif
