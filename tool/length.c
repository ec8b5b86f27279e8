/* SPDX-License-Identifier: MIT */
#include "length.h"
