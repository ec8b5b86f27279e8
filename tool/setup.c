/* SPDX-License-Identifier: MIT */
#include "setup.h"
