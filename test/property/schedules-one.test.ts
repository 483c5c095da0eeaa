// Half of the generated schedules; the other half runs beside it, in a process of its own.
import { runSchedules } from '../support/run-schedules.ts';

runSchedules(1);
