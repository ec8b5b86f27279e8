/* SPDX-License-Identifier: MIT */
#include "conf_file.h"
