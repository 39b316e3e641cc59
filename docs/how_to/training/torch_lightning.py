import lightning
import torch

import simgeo.torch


class Distillation(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.teacher = torch.nn.Linear(32, 48).requires_grad_(False)
        self.student = torch.nn.Linear(32, 16)
        self.projection = simgeo.torch.LinearProjection(16, 48)
        self.losses = []

    def training_step(self, batch, index):
        (inputs,) = batch
        features, target = self.student(inputs), self.teacher(inputs)
        loss = simgeo.torch.cka(features, target) + self.projection(features, target)
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


lightning.seed_everything(0, verbose=False)
rows = torch.utils.data.TensorDataset(torch.randn(512, 32))
loader = torch.utils.data.DataLoader(rows, 64, drop_last=True)
model = Distillation()
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
lightning.Trainer(max_epochs=5, accelerator="cpu", **quiet).fit(model, loader)
losses = model.losses
