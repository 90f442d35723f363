/* SPDX-License-Identifier: BSD-2-Clause */
/* A process's flash chip is found by its size and told by its bytes. */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "code_in_memory.h"

#define PAGE 4096U
#define CODE (217 * PAGE) /* a size that nothing else here has */

static struct hf_error err;

/* As QEMU has a chip: a piece of its own between two that cannot be touched. */
static uint8_t *chip(uint8_t byte)
{
    uint8_t *whole = mmap(NULL, CODE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(whole != MAP_FAILED);
    assert_int_equal(mprotect(whole + PAGE, CODE, PROT_READ | PROT_WRITE), 0);
    memset(whole + PAGE, byte, CODE);
    return whole;
}

static enum hf_code_found look(const struct hf_digest *expected, struct hf_digest *has)
{
    enum hf_code_found found;

    assert_int_equal(hf_code_in_memory(getpid(), CODE, expected, &found, has, &err), 0);
    return found;
}

static void the_chip_is_told_by_what_it_holds(void **state)
{
    uint8_t *bytes = malloc(CODE); /* with its head it is of another size */
    struct hf_digest ones, has;
    uint8_t *vars, *code;

    assert_non_null(bytes);
    memset(bytes, 1, CODE);
    ones = hf_digest_of(bytes, CODE);
    free(bytes);
    assert_int_equal(look(&ones, &has), HF_CODE_UNSEEN);
    vars = chip(2); /* the other chip may have the same size */
    assert_int_equal(look(&ones, &has), HF_CODE_OTHER);
    code = chip(1);
    assert_int_equal(look(&ones, &has), HF_CODE_SAME);
    code[PAGE + CODE - 1] = 3;
    assert_int_equal(look(&ones, &has), HF_CODE_OTHER);
    munmap(vars, CODE + 2 * PAGE);
    munmap(code, CODE + 2 * PAGE);
}

static void a_process_that_is_gone_is_an_error(void **state)
{
    struct hf_digest expected = {{0}}, has;
    enum hf_code_found found = HF_CODE_SAME;

    assert_int_equal(hf_code_in_memory(INT32_MAX, CODE, &expected, &found, &has, &err), -HF_EIO);
    assert_int_equal(found, HF_CODE_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chip_is_told_by_what_it_holds),
        cmocka_unit_test(a_process_that_is_gone_is_an_error),
    };

    return cmocka_run_group_tests_name("libvirt-code-in-memory", tests, NULL, NULL);
}
