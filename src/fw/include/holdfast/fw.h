/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All of libholdfast-fw in one include, and the library's version. A program may as well include the parts it uses.
 *
 * Compatibility: within one soname (libholdfast-fw.so.0) a function keeps its name, its parameters and its meaning, and
 * a struct its size and members; what is new comes with a new name. The shared library's symbols carry the version
 * HOLDFAST_FW_0. tests/fw/abi.py compares each build with the interface that was last released.
 */
#ifndef HOLDFAST_FW_H
#define HOLDFAST_FW_H

#include <holdfast/acpi_build.h>
#include <holdfast/acpi_check.h>
#include <holdfast/acpi_run.h>
#include <holdfast/acpi_script.h>
#include <holdfast/devpath.h>
#include <holdfast/endian.h>
#include <holdfast/error.h>
#include <holdfast/flash_image.h>
#include <holdfast/fw_version.h>
#include <holdfast/fwcfg_client.h>
#include <holdfast/fwcfg_device.h>
#include <holdfast/fwcfg_negotiate.h>
#include <holdfast/fwcfg_negotiate_guest.h>
#include <holdfast/fwcfg_wire.h>
#include <holdfast/guid.h>
#include <holdfast/negotiate_guest.h>
#include <holdfast/negotiate_host.h>
#include <holdfast/negotiate_smi.h>
#include <holdfast/negotiate_wire.h>
#include <holdfast/siglist.h>
#include <holdfast/ucs2.h>
#include <holdfast/var_decode.h>
#include <holdfast/varstore.h>

#endif
