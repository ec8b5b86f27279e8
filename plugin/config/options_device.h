/* SPDX-License-Identifier: MIT
 *
 * options_device owns the options of a <Device> block and the lines of a
 * DeviceFile. A part of `options`.
 */
#ifndef ONENET_OPTIONS_DEVICE_H
#define ONENET_OPTIONS_DEVICE_H

#include "config/options_block.h"

/* Read a <Device> block, and the file that DeviceFile names, into the
 * directory. All endpoints must be in it. */
options_read_fn options_device_read;
options_read_fn options_device_read_file;

/* Returns the fault that an endpoint or a device has that name already, or
 * NULL. */
options_taken_fn options_device_taken;

/* The table of the options of a <Device> block. */
extern const struct options_option options_device_table[];

#endif
