/* SPDX-License-Identifier: MIT */
#include "words/ignored.h"

static const char *const names[IGNORED_REASONS] = {
    [IGNORED_NAN] = "nan",
    [IGNORED_TRUNCATED] = "truncated",
    [IGNORED_MISSING] = "missing",
    [IGNORED_NO_DEVICE] = "no_device",
    [IGNORED_NO_VALUE] = "no_value",
    [IGNORED_UNMATCHED] = "unmatched",
    [IGNORED_LATE] = "late",
    [IGNORED_DUPLICATE] = "duplicate",
    [IGNORED_FIRST_OKAY] = "first_okay",
    [IGNORED_NO_MEMORY] = "no_memory",
    [IGNORED_SERIES_MAX] = "series_max",
    [IGNORED_NOT_FIRED] = "not_fired",
    [IGNORED_TAKEN_BACK] = "taken_back",
    [IGNORED_SILENCED] = "silenced",
};

const char *ignored_name(enum ignored reason) { return names[reason]; }
