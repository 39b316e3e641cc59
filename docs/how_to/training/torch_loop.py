import torch

import simgeo.torch

torch.manual_seed(0)
inputs = torch.randn(512, 32)
teacher = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.Tanh())
student = torch.nn.Sequential(torch.nn.Linear(32, 16), torch.nn.Tanh())
projection = simgeo.torch.LinearProjection(16, 48)  # a map, learned beside the student
parameters = [*student.parameters(), *projection.parameters()]
optimiser = torch.optim.Adam(parameters, lr=3e-3)
batches = torch.utils.data.DataLoader(inputs, 64, shuffle=True, drop_last=True)
losses = []
for _ in range(10):
    for batch in batches:
        with torch.no_grad():
            target = teacher(batch)
        features = student(batch)
        geometry = simgeo.torch.procrustes(features, target, normalised=True)
        loss = geometry + 0.1 * projection(features, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
print(f"from {losses[0]:.3f} to {losses[-1]:.3f}")
