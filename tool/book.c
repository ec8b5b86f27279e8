/* SPDX-License-Identifier: MIT */
#include "book.h"
