/* The subcommand table: `slipway NAME …` runs the row of that name. */
#include "services/service.h"

int main(void)
{
    return services_all[0] == NULL;
}
