/* SPDX-License-Identifier: BSD-2-Clause */
/* What every cmocka program includes: cmocka's own headers in their required order. */
#ifndef HF_TEST_UNIT_H
#define HF_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#endif
