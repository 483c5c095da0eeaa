// The other half of the generated schedules; the first runs beside it, in a process of its own.
import { runSchedules } from '../support/run-schedules.ts';

runSchedules(2);
