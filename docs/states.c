/* Prints docs/states.md, the diagrams of the pipeline engine's machines, from the tables that the engine
 * itself moves by: `make docs` writes it, a test compares it. */
#include "services/codepipeline/engine/machine.h"

#include <stdio.h>

static const struct {
    const struct machine *machine;
    const char *title;
    const char *about;
} machines[] = {
    {&machine_execution, "An execution",
     "Failed and stopped ones run again by RetryStageExecution and OverrideStageCondition."},
    {&machine_place, "Where an execution is", "Before a stage, in it, or at its end."},
    {&machine_action, "An action, or a rule, run once", "A retry begins another run in its place."},
    {&machine_condition, "A stage's condition, in one execution", "Asked anew when the stage is run again."},
    {&machine_stage, "A stage", "What became of the execution that entered it last."},
    {&machine_job, "A job", "Back to Queued: its worker's lease ran out, or was handed back."},
};

static void print_machine(const struct machine *machine)
{
    (void)printf("\n```mermaid\nstateDiagram-v2\n    [*] --> %s\n", machine_name(machine, 0));
    for (int from = 0; from < machine->count; from++) {
        bool ends = true;
        for (int to = 0; to < machine->count; to++) {
            if (!machine_may(machine, from, to))
                continue;
            (void)printf("    %s --> %s\n", machine_name(machine, from), machine_name(machine, to));
            ends = false;
        }
        if (ends)
            (void)printf("    %s --> [*]\n", machine_name(machine, from));
    }
    (void)printf("```\n");
}

int main(void)
{
    (void)printf(
        "# States\n\nWhich state may follow which, made by `make docs` from the tables that the engine moves "
        "by: a move that is not\nhere is a programmer's mistake, and asserts.\n");
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        (void)printf("\n## %s\n%s\n", machines[i].title, machines[i].about);
        print_machine(machines[i].machine);
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
