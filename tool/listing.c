/* SPDX-License-Identifier: MIT */
#include "listing.h"
