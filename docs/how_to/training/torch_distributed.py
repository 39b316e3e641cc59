import torch
import torch.distributed as processes
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel as Parallel

import simgeo.torch

processes.init_process_group("gloo")  # "nccl" on GPUs
rank, number = processes.get_rank(), processes.get_world_size()
torch.manual_seed(0)
inputs = torch.randn(512, 32)
teacher = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.Tanh())
student = Parallel(torch.nn.Sequential(torch.nn.Linear(32, 16), torch.nn.Tanh()))
projection = Parallel(simgeo.torch.LinearProjection(16, 48))
parameters = [*student.parameters(), *projection.parameters()]
optimiser = torch.optim.Adam(parameters, lr=3e-3)
losses = []
for batch in inputs.repeat(5, 1).split(64):
    rows = batch.chunk(number)[rank]  # as many in every process
    with torch.no_grad():
        target = torch.cat(all_gather(teacher(rows)))
    features = torch.cat(all_gather(student(rows)))
    loss = simgeo.torch.cka(features, target) + 0.1 * projection(features, target)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
processes.destroy_process_group()
